"""Training of nets: the one skorch net, its module and its batches."""
