"""The languages of texts that somebody wrote in them, and what is done with texts too short to tell."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from monitor.accumulators import Frame
from monitor.accumulators.languages import Languages, language_frame
from monitor.hashing import mix
from monitor.texts.languages import UNDETERMINED, languages_of, placed_texts
from monitor.types import Column, Groups

KNOWN = {
    "ar": "سيغادر القطار المتجه إلى القاهرة اليوم متأخرا عشرين دقيقة عن موعده",
    "de": "Die Bestellung kam zu spät an, und der Karton war auf einer Seite offen.",
    "en": "The order arrived late and the box was open on one side.",
    "es": "El pedido llegó tarde y la caja estaba abierta por un lado.",
    "fr": "La commande est arrivée en retard et le carton était ouvert d'un côté.",
    "it": "L'ordine è arrivato in ritardo e la scatola era aperta da un lato.",
    "ja": "注文の到着が遅れて、箱の片側が開いていました。",
    "nl": "De bestelling kwam te laat aan en de doos was aan één kant open.",
    "pl": "Zamówienie przyszło późno, a pudełko było z jednej strony otwarte.",
    "pt": "A encomenda chegou tarde e a caixa estava aberta de um dos lados.",
    "ru": "Заказ пришёл поздно, и коробка была с одной стороны открыта.",
    "tr": "Sipariş geç geldi ve kutunun bir tarafı açıktı.",
    "uk": "Замовлення прийшло пізно, і коробка була з одного боку відкрита.",
    "zh": "订单到得很晚，箱子的一边是打开的，里面的东西少了一件。",
}


def column(texts: list[str], first: int = 0) -> Column:
    places = mix(np.arange(first, first + len(texts), dtype=np.uint64))
    return Column(placed_texts(pa.array(texts, pa.string()), places), np.zeros(len(texts), np.uint8))


def test_each_of_fourteen_languages_is_told_and_a_text_of_a_megabyte_costs_what_a_short_one_does():
    assert languages_of(pa.array(KNOWN.values())) == list(KNOWN)
    assert languages_of(pa.array([KNOWN["en"].upper(), KNOWN["de"] * 20_000])) == ["en", "de"]


@pytest.mark.parametrize("text", ["", " ", "ok", "a a", "mark mark mark", "SKU 1234-AB", "👍"])
def test_a_text_that_is_too_short_or_none_is_undetermined(text):
    assert languages_of(pa.array([text])) == [UNDETERMINED]


def test_the_counts_of_a_window_are_those_of_a_uniform_sample_of_it_with_segments_their_part():
    """A tenth of 20,000 texts is Polish, all of them in group 1: 1,000 tell so to three standard errors."""
    frame = Frame.of_categories(pa.array(["en", "en", "pl"]), max_categories=10)
    found = Languages(frame, 3, 1_000)
    texts = [KNOWN["pl" if row % 10 == 0 else "en"] for row in range(20_000)]
    for start in range(0, 20_000, 2_000):
        codes = np.where(np.arange(start, start + 2_000) % 10 < 5, 1, 2).astype(np.int32)
        found.update(column(texts[start : start + 2_000], start), Groups(3, (codes,)))
    assert found.counts.sum(axis=1).tolist()[0] == 1_000
    assert found.counts[1:].sum(axis=0).tolist() == found.counts[0].tolist()
    polish = found.counts[:, 1]
    assert polish[2] == 0
    assert polish[0] == pytest.approx(100, abs=3 * np.sqrt(1_000 * 0.1 * 0.9))


def test_a_full_sample_is_the_same_however_it_was_cut_and_merged(monkeypatch):
    """And only texts that may still be chosen are identified, which is what bounds the cost."""
    looked_at = []

    def counting(texts):
        looked_at.append(len(texts))
        return ["en" if "order" in text else "de" for text in texts.to_pylist()]

    monkeypatch.setattr("monitor.accumulators.languages.languages_of", counting)
    texts = [KNOWN["en" if row % 3 else "de"] for row in range(9_000)]
    frame = language_frame([column(texts).values], 10, 100)
    whole, left, right = (Languages(frame, 1, 100) for _ in range(3))
    looked_at.clear()
    for start in range(0, 9_000, 50):
        whole.update(column(texts[start : start + 50], start), Groups())
    assert sum(looked_at) < 1.5 * 100 * (1 + np.log(9_000 / 100))
    left.update(column(texts[:1_000]), Groups())
    right.update(column(texts[1_000:], 1_000), Groups())
    right.merge(left)
    assert right.state()["languages"].tolist() == whole.state()["languages"].tolist()
    assert right.counts.tolist() == whole.counts.tolist() == [[*frame.counts.tolist()]]
