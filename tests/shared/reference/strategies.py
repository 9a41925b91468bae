"""Hypothesis strategies over the generators, and the texts that people and spreadsheets make of numbers."""

from random import Random

from hypothesis import strategies as st

from tests.shared.reference import generate

randoms = st.integers(min_value=0, max_value=2**32).map(Random)

niks = randoms.map(generate.nik)
nibs = randoms.map(generate.nib)
phones = randoms.map(generate.phone)
written_phones = randoms.map(lambda rng: generate.written_phone(rng, generate.phone(rng)))
npwps = randoms.map(generate.npwp)

digits = st.text(alphabet="0123456789", min_size=0, max_size=24)
# Mostly digits and what stands between them, so that the search gets past the first check.
almost_numbers = st.text(alphabet="0123456789.,-+()/ '\u00a0ERpe:TZ\u0661", max_size=32)
texts = st.one_of(st.text(max_size=60), almost_numbers, digits)
