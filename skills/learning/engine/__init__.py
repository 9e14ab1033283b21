"""How is it trained? Stacked tensors, devices, threads, checkpoints, curves; knows no method."""
