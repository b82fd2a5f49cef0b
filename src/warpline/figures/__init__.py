"""What the figures share: the house style, and panels that several figures draw."""
