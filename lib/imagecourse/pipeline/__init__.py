"""A folder of scans in; restored photographs with captions, and a record of everything else, out.

read → measure → restore → photograph or not → caption → write, on this computer or on many.
"""
