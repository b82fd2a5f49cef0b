"""Paper B's experiments on trained networks, one module each; `warpline.geometry` does the mathematics."""
