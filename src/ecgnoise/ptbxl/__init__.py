"""The published study on PTB-XL (Wagner et al. 2020, doi:10.1038/s41597-020-0495-6), step by step.

``labels`` reads which leads are noisy, ``index`` lists the leads to train on and to evaluate, ``rows`` is their CSV.
``prepare`` draws all leads into a ``store``. ``compare`` ranks models by the values of clean and noisy leads.
``refine`` chooses leads to train on again.
"""
