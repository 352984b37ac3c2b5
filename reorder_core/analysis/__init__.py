"""What a run shows of memorization and generalization: quantities, as arrays and DataFrames.

Each says how its numbers came about: measured on the reference run, estimated
(from the position table), or retrained (from the ledger).
"""
