"""The sliding window, against the plainest way to count: every window by itself."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleetgate.watch.burst import Burst, Guess, WatchPolicy, burst_in
from harness.builders import NOW

_SECONDS = st.integers(min_value=0, max_value=600)


@st.composite
def guesses(draw: st.DrawFn) -> list[Guess]:
    """Guesses close together, of few identities, some at the same moment."""
    drawn = draw(st.lists(st.tuples(_SECONDS, st.sampled_from("ABCDEFGH")), max_size=40))
    return [
        Guess(f"{number:03}", NOW + timedelta(seconds=seconds), (identity, None))
        for number, (seconds, identity) in enumerate(drawn)
    ]


policies = st.builds(
    WatchPolicy,
    window=st.integers(min_value=1, max_value=300).map(lambda seconds: timedelta(seconds=seconds)),
    threshold=st.integers(min_value=1, max_value=6),
)


def most_identities(tried: Sequence[Guess], policy: WatchPolicy) -> int:
    """The most in any window; each ends at a guess and has its end in it, and not its start."""
    counts = [len({one.identity for one in tried if last.at - policy.window < one.at <= last.at}) for last in tried]
    return max(counts, default=0)


@given(guesses(), policies)
def test_there_is_a_burst_just_where_some_window_holds_too_many(tried: list[Guess], policy: WatchPolicy) -> None:
    found = burst_in(tried, policy)

    assert (found is not None) == (most_identities(tried, policy) > policy.threshold)
    if found is not None:
        assert found.identities == most_identities(tried, policy)
        assert found.ended_at - found.began_at < policy.window


@given(guesses(), policies, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(tried: list[Guess], policy: WatchPolicy, random: object) -> None:
    shuffled = [*tried, *tried[::2]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert burst_in(shuffled, policy) == burst_in(tried, policy)


@given(guesses(), policies, st.integers(min_value=0, max_value=40))
def test_however_the_guesses_are_cut_into_batches_one_of_them_shows_the_burst(
    tried: list[Guess], policy: WatchPolicy, cut: int
) -> None:
    """Each batch is judged with all that lies a window before its oldest guess, as the index gives it."""
    batches = [batch for batch in (tried[:cut], tried[cut:]) if batch]

    def judged(batch: list[Guess]) -> Burst | None:
        oldest, newest = min(one.at for one in batch), max(one.at for one in batch)
        return burst_in([one for one in tried if oldest - policy.window <= one.at <= newest], policy)

    assert any(judged(batch) for batch in batches) == (burst_in(tried, policy) is not None)


@given(guesses(), policies, _SECONDS)
def test_what_an_operator_saw_to_counts_as_if_it_had_never_been(
    tried: list[Guess], policy: WatchPolicy, seconds: int
) -> None:
    since = NOW + timedelta(seconds=seconds)

    assert burst_in(tried, policy, since=since) == burst_in([one for one in tried if one.at > since], policy)
