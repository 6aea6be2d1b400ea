"""The pages of the report site: executed notebooks become HTML that opens complete without a network."""
