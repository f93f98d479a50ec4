"""Keeps the spans of opentracing's mock tracer: a control that is configured behind chaostracing's own, and a probe that fails."""
import json

import opentracing
from opentracing.mocktracer import MockTracer


def breaks():
    raise ValueError("it broke")


def configure_control(**kwargs):
    opentracing.set_global_tracer(MockTracer())


def after_experiment_control(**kwargs):
    pass


def cleanup_control():
    spans = opentracing.global_tracer().finished_spans()
    names = {span.context.span_id: span.operation_name for span in spans}
    kept = [
        {"name": span.operation_name, "parent": names.get(span.parent_id), "tags": span.tags,
         "logs": [sorted(log.key_values) for log in span.logs]}
        for span in spans
    ]
    with open("spans.json", "w") as f:
        json.dump(kept, f, indent=1, sort_keys=True, default=str)
