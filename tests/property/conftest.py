"""How hard the property tests look: `ci` by default, `thorough` by HYPOTHESIS_PROFILE=thorough."""

import os

from hypothesis import HealthCheck, settings

# A pull request is judged by the same examples as the one before it; a thorough run looks for new ones.
settings.register_profile(
    "ci",
    max_examples=100,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,  # no test asserts timings
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=5000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
