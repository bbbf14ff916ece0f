"""The learning curves of the mastery encoder: from practice to mastery, and from mastery to a logit.

    mastery = M_sat · sigmoid(β · γ · practice − offset), in [0, 1]
    logit   = (mastery − θ) / temperature

Practice is positive and β, γ, M_sat do not go below zero, so mastery never falls. What is learned:

β            logits a unit of practice: steepness of a skill's curve. An answer is worth 0 to 1 unit
M_sat        mastery: ceiling of a skill
γ            factor on practice: velocity of a student
offset       logits that practice must add to bring mastery to half its ceiling
θ            mastery at which a student (of ability 0, where ability is inferred) is as often right as wrong
temperature  mastery that is worth one logit

Shape letters: see the package's docstring.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gaintrace.config import LearningCurveConfig

UNBOUNDED: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "log_beta_skill": ("beta_skill", torch.exp),
    "logit_m_sat": ("m_sat", torch.sigmoid),
    "log_temperature": ("temperature", torch.exp),
    "logit_start": ("start", torch.sigmoid),
    "logit_retention": ("retention", torch.sigmoid),
    "logit_prior_share": ("prior_share", torch.sigmoid),
    "logit_transfer": ("transfer", torch.sigmoid),
    "log_growth": ("growth", torch.exp),
    "log_discrimination": ("discrimination", torch.exp),
}
"""Parameters that are learned through a function which keeps them in their range: name, and function."""


class PublishedCurve(nn.Module):
    """β and M_sat a skill, γ a training student, one offset and one θ for all; the temperature is fixed.

    A student it was not trained on gets the mean γ, the velocity of a typical student.
    """

    def __init__(self, config: LearningCurveConfig, skills: int, students: int) -> None:
        super().__init__()
        self.beta_skill = nn.Parameter(torch.full((1, skills), config.beta_skill_init))
        self.m_sat = nn.Parameter(torch.full((1, skills), config.m_sat_init))
        self.gamma_student = nn.Parameter(torch.full((1, students), config.gamma_student_init))
        self.offset = nn.Parameter(torch.full((1, 1), config.sigmoid_offset))
        self.threshold = nn.Parameter(torch.full((1, 1), config.mastery_threshold_init))
        self.register_buffer("temperature", torch.full((1, 1), config.threshold_temperature))
        self.temperature: Tensor

    def mastery(self, practice: Tensor, skill: Tensor, student: Tensor | None) -> Tensor:
        """Mastery in [0, 1] of practice, skill: KN each; student: rows of training students, KN, or None → KN.

        Clamped, whatever training makes of the parameters.
        """
        if student is None:
            velocity = self.gamma_student.mean(dim=1, keepdim=True)  # K1
        else:
            velocity = self.gamma_student.gather(1, student)
        slope = self.beta_skill.gather(1, skill).clamp_min(0) * velocity.clamp_min(0)
        risen = torch.sigmoid(slope * practice - self.offset)
        return (self.m_sat.gather(1, skill).clamp_min(0) * risen).clamp(max=1)

    def logit(self, mastery: Tensor, skill: Tensor) -> Tensor:
        """Logit of a correct response at mastery of a skill: KN each → KN."""
        return (mastery - self.threshold) / self.temperature


class PerSkillCurve(nn.Module):
    """β, M_sat, offset and θ a skill, and one learned temperature.

    There is no γ: a student's velocity is in the gains, which are read from the student's past, so that students it was
    not trained on have one too. β, M_sat and the temperature are learned as log, logit and log: no step can push them
    out of their range, where they would have no gradient to come back with.
    """

    def __init__(self, config: LearningCurveConfig, skills: int) -> None:
        super().__init__()
        start = torch.full((1, skills), config.beta_skill_init)
        self.log_beta_skill = nn.Parameter(start.log())
        self.logit_m_sat = nn.Parameter(torch.full_like(start, config.m_sat_init).logit(eps=1e-3))
        self.offset = nn.Parameter(torch.full_like(start, config.sigmoid_offset))
        self.threshold = nn.Parameter(torch.full_like(start, config.mastery_threshold_init))
        self.log_temperature = nn.Parameter(torch.full((1, 1), config.threshold_temperature).log())

    def mastery(self, practice: Tensor, skill: Tensor, student: Tensor | None) -> Tensor:
        """Mastery in [0, 1] of practice, skill: KN each → KN. The student makes no difference here."""
        beta, m_sat = self.log_beta_skill.exp(), self.logit_m_sat.sigmoid()
        return m_sat.gather(1, skill) * torch.sigmoid(beta.gather(1, skill) * practice - self.offset.gather(1, skill))

    def logit(self, mastery: Tensor, skill: Tensor) -> Tensor:
        """Logit of a correct response at mastery of a skill: KN each → KN."""
        return (mastery - self.threshold.gather(1, skill)) / self.log_temperature.exp()


def natural(curve: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a curve in the units above, under the names they are reported by; any shape → the same."""
    named = {name: UNBOUNDED.get(name, (name, lambda tensor: tensor)) for name in curve}
    return {reported: function(curve[name]) for name, (reported, function) in named.items()}
