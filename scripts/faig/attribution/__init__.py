"""Which filters serve which degradation: the pair, its filters, quadrature, methods, rankings."""
