"""Configurations that no other beats in both encoders."""

from gaintrace.analysis.comparison import Comparison, Configuration


def pareto_front(comparison: Comparison) -> list[Configuration]:
    """The configurations for which none has both a higher E1 and a higher E2, from the highest E1 down.

    Of equals in one encoder the better in the other stays; equals in both stay together.
    """
    order = sorted(comparison.configurations, key=lambda c: (-c.test_e1_auc, -c.test_e2_auc))
    front: list[Configuration] = []
    for configuration in order:
        last = front[-1] if front else None
        equal = last is not None and (last.test_e1_auc, last.test_e2_auc) == (
            configuration.test_e1_auc,
            configuration.test_e2_auc,
        )
        if last is None or equal or configuration.test_e2_auc > last.test_e2_auc:
            front.append(configuration)
    return front
