"""Captions: a network that looks and one that writes.

`text` makes words of captions and numbers of words; `decoders` holds the networks, `layers` what is special in them;
`batches` and `learning` train, `decoding` and `writing` write, `scores` tells how well, `captioner` is what ships.
"""
