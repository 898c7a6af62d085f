"""The public log's formats: tiles, checkpoints, cosignatures, proofs and the witness.

Byte for byte those that C2SP publishes (tlog-tiles, tlog-checkpoint, signed-note,
tlog-cosignature, tlog-witness, tlog-proof, tlog-policy), so that software that we did not write
can check a city. Each module stands for one of them.
"""
