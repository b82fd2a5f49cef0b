"""Recordings from files (npz, mat, netCDF, NWB): trials of one system, with their conditions and times."""
