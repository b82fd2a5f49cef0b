"""InputDSA: dynamical similarity of driven systems."""
