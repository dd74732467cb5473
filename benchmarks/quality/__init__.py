"""How well the score tells noisy from clean, beside what people would use instead: ``python -m benchmarks.quality``.

Nothing here trains or tunes anything. A *scorer* gives one score a lead-segment, high is clean: ecgnoise, and each
rival of ``benchmarks.rivals``. All scorers get the same lead-segments. Where a scorer fails, or says that there is no
score, the lead-segment counts as the worst.

figures     measures of scores, with bootstrap 95 % intervals in which records are drawn
scorers     takes (what is scored), ecgnoise and rivals as scorers, and the cache of their scores
part        what a part of the benchmark is, and its sizes
ptbxl       W1 and AUROC of PTB-XL's noise labels
challenge   Challenge 2011 and Challenge 2017
mitdb       MIT-BIH Arrhythmia: marks of signal quality, and unusual beats
stress      noise added at known SNR
local       noise in one second of ten, and the published example
nuisance    what should not change a score
"""

from benchmarks.quality.figures import compare, worst_where_missing
from benchmarks.quality.noises import with_noise

__all__ = ["compare", "with_noise", "worst_where_missing"]
