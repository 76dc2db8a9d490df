"""Side-by-side measurements: `python -m benchmarks rest|sql|files|http|memory|startup`, from a checkout with the project's environment.

Contestants run in processes (peers also in environments) of their own, in turns, against the same source. The content each
one lands is verified, so that nobody is fast by leaving something out. Nothing here is asserted in the test suite: a
time is a fact about a machine.
"""
