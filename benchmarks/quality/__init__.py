"""How well the score tells noisy from clean, beside what people would use instead: ``python -m benchmarks.quality``.

Nothing here trains or tunes anything. A *scorer* gives one score a lead-segment, high is clean: ecgnoise, by each of
its looks, and each rival of ``benchmarks.rivals``. All scorers get the same lead-segments. Where a scorer fails, or
says that there is no score, the lead-segment counts as the worst.

figures      measures of scores, with bootstrap 95 % intervals in which records are drawn
takes        what is scored
readings     all that ecgnoise says of a take, and which of it stands as a score beside the rivals
scorers      rivals as scorers, and the cache of scores and readings
grading      sensitivity and specificity of the grades
part         what a part of the benchmark is, and its sizes
noises       recorded and simulated noise
gross        signals of which nobody could read anything
detectors    QRS detectors, and how many beats they find
ptbxl        W1 and AUROC of PTB-XL's noise labels
kind_levels  the same labels, by the level of the kind of noise
challenge    Challenge 2011 and Challenge 2017
mitdb        MIT-BIH Arrhythmia: marks of signal quality, and unusual beats
stress       clean leads, and the development fold with noise
snr          how right the estimated SNR is
kinds        what the noise is called
bursts       how well marks fit bursts of 1 to 4 s
motion       electrode motion added to ambulatory ECG
unreadable   how much of what nobody could read is called good or fair
outcomes     where detectors fail, and a person who moves
local        noise in one second of ten, and the published example
nuisance     what should not change a score
"""

from benchmarks.quality.figures import compare, worst_where_missing
from benchmarks.quality.noises import with_noise

__all__ = ["compare", "with_noise", "worst_where_missing"]
