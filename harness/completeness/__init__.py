"""Whether every decision is on record exactly once, under load and faults.

The hook, the archiver and the sealer are the real handlers, in processes of their own that are told what time it is:
some made-up hours, and one more for what is late.

- Load: three processes ask at once: new devices, the same certificate again, three certificates for one serial number,
  unknown serial numbers, another MAC address, requests that cannot be read. Who gets no answer asks again.
- Faults: every process is killed now and then, before and after its calls take effect, the archivers also at any other
  moment. Calls of the hook to DynamoDB and of the archiver and the sealer to S3 are throttled, answers are lost, writes
  are denied. The stream refuses a read in ten, and in every hour one of its three shards cannot be read at all, so that
  its records come late and out of order with the others.
- Stream: the audit table's own, handed over by `harness/event_source.py` with the contract of Lambda's event source
  mapping. Now and then the place in it is forgotten, and what was read comes again, cut in another way.
- Hours are sealed as they close, whatever has arrived by then.

At the end the table and every sealed object are compared with what the callers were told. Lost from the table are
answers without a record that says the same, reservations without the decision that made them, and what only the archive
has; lost from the archive is what the table has and the archive has not, word for word. Duplicated are requests with
several records, and records that were sealed several times.

`tests/integration/archive/test_completeness.py` goes through two short hours; `python -m harness.completeness SEED`
through four long ones, which takes some ten minutes.
"""
