"""What cancer therapy does to the electrocardiogram of a drawn person.

Directions and sizes follow what is reported of anthracyclines and of cardiac dysfunction under them (CTRCD):

- QTc is longer: from 415 to 428-430 ms over a course of anthracyclines, more in those whose left ventricle fails
  (Horacek et al., Exp Oncol 2009;31:115-117); with the dose, whether or not cardiomyopathy follows, and 10 ms raise the
  hazard of it by a tenth (Desai et al., Cardio-Oncology 2019;5:10, doi:10.1186/s40959-019-0045-6).
- QRS voltage is lower: by over 1 mV in the limb leads of 6 of 26 patients, along with dysfunction (Horacek 2009);
  0.6 mV less over the limb leads raise the hazard of cardiomyopathy by 17 % (Desai 2019).
- T is flatter: in V3-V6 of 12 of 15 patients with CTRCD, mildly months before it, not before therapy (Early
  electrocardiographic indices for predicting chronic doxorubicin-induced cardiotoxicity, J Cardiol 2021;77:388-394,
  doi:10.1016/j.jjcc.2020.10.007).
- The resting rate is higher and conduction is slower: the position paper of the European Society of Cardiology names
  resting tachycardia, ST-T changes, conduction disturbances and a longer QT as signs (Zamorano et al., Eur Heart J
  2016;37:2768-2801).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecgtool.signals.synth_person import Person


def under_therapy(person: Person, exposure: float, dysfunction: float) -> Person:
    """The heart of a person under therapy.

    Args:
        person: Before it.
        exposure: Share of the course that has been given, 0 to 1; all who are treated change a little with it.
        dysfunction: How far the heart has suffered; 0 not at all, 1 as is usual of CTRCD.
    """
    return replace(
        person,
        qtc_ms=person.qtc_ms + 5 * exposure + 32 * dysfunction,
        voltage_mv=person.voltage_mv * float(np.exp(-0.03 * exposure - 0.32 * dysfunction)),
        t_mv=person.t_mv * float(np.exp(-0.06 * exposure - 0.60 * dysfunction)),
        resting_rate=person.resting_rate + 2 * exposure + 12 * dysfunction,
        qrs_ms=person.qrs_ms + 6 * dysfunction,
    )
