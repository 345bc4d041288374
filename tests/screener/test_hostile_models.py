"""Every spoilt folder of models is refused on the command line by one fact and one hint, soon, and with no escapes."""

import hostile_models
import pytest

ATTACKS: dict[str, list[hostile_models.Attack]] = {}
for _attack in hostile_models.attacks():
    ATTACKS.setdefault(_attack.kind, []).append(_attack)


MOST = 40
"""Of one kind; the script tries them all."""


@pytest.mark.parametrize("kind", ATTACKS)
def test_spoilt_folders_are_refused(kind, tiny_models, tmp_path):
    wrong, refused = {}, 0
    for attack in ATTACKS[kind][:MOST]:
        outcome = hostile_models.tried(attack, tiny_models, tmp_path / "spoilt")
        refused += outcome.refused
        if not (outcome.refused or (attack.harmless and outcome.code == 0)) or outcome.seconds > 30:
            wrong[attack.name] = outcome
    assert not wrong
    assert refused >= 0.6 * len(ATTACKS[kind][:MOST])
