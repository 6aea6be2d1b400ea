"""Tables, columns and indexes of pandas as plain data, without importing pandas where no table is."""

import sys
from typing import Any

import numpy as np

from imagecourse.teaching.judging.kinds import UNUSUAL_COLUMN, NotPlainError

TAGS = ("frame", "series", "index", "levels", "missing")
OBJECT_KINDS = ("object", "str", "string", "boolean", "Int8", "Int16", "Int32", "Int64", "Float32", "Float64")


def to_json(value: Any, encoder: Any) -> dict | None:
    """JSON of a table, column or index, with what it holds put into a plain.Encoder; None for anything else."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return None
    if type(value) is pandas.DataFrame:
        columns = [_column(value.iloc[:, number], encoder) for number in range(value.shape[1])]
        return {"frame": [encoder.to_json(value.index), encoder.to_json(value.columns), columns]}
    if type(value) is pandas.Series:
        return {"series": [encoder.to_json(value.index), encoder.to_json(value.name), _column(value, encoder)]}
    if type(value) is pandas.MultiIndex:
        return {"levels": [encoder.to_json(value.tolist()), encoder.to_json(list(value.names))]}
    if type(value) is pandas.RangeIndex:
        return {"index": [encoder.to_json(range(value.start, value.stop, value.step)), encoder.to_json(value.name)]}
    if type(value) in (pandas.Index, pandas.DatetimeIndex, pandas.CategoricalIndex):
        return {"index": [_column(value.to_series(index=range(len(value))), encoder), encoder.to_json(value.name)]}
    if value is pandas.NA or value is pandas.NaT:
        return {"missing": "NA" if value is pandas.NA else "NaT"}
    return None


def _column(values: Any, encoder: Any) -> list:
    name = str(values.dtype)
    if isinstance(values.dtype, np.dtype) and values.dtype.kind != "O":
        return [name, encoder.to_json(values.to_numpy())]
    if name in OBJECT_KINDS:
        return [name, encoder.to_json(values.astype(object).tolist())]
    if name == "category":
        kinds = values.cat
        return [name, [encoder.to_json(kinds.categories), encoder.to_json(kinds.codes.to_numpy()), bool(kinds.ordered)]]
    raise NotPlainError(UNUSUAL_COLUMN)


def to_value(tag: str, content: Any, decoder: Any) -> Any:
    """The table, column or index of such JSON, read with a plain.Decoder."""
    import pandas

    if tag == "missing":
        return {"NA": pandas.NA, "NaT": pandas.NaT}[content]
    if tag == "levels":
        tuples, names = map(decoder.to_value, content)
        return pandas.MultiIndex.from_tuples(tuples, names=names)
    if tag == "index":
        values, name = content
        if isinstance(values, dict):
            return pandas.RangeIndex(decoder.to_value(values), name=decoder.to_value(name))
        return pandas.Index(_series(values, None, decoder), name=decoder.to_value(name))
    index, other, columns = content
    index = decoder.to_value(index)
    if tag == "series":
        return _series(columns, index, decoder).rename(decoder.to_value(other))
    frame = pandas.DataFrame({number: _series(each, index, decoder) for number, each in enumerate(columns)}, index)
    frame.columns = decoder.to_value(other)
    return frame


def _series(column: list, index: Any, decoder: Any) -> Any:
    import pandas

    name, values = column
    if name == "category":
        categories, codes, ordered = values
        kinds = decoder.to_value(categories)
        content = pandas.Categorical.from_codes(decoder.to_value(codes), kinds, ordered=bool(ordered))
        return pandas.Series(content, index)
    if name in OBJECT_KINDS:
        return pandas.Series(decoder.to_value(values), index, dtype=name)
    return pandas.Series(decoder.to_value(values), index)
