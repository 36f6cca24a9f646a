"""Resource types of logs, alerts and budgets."""

from __future__ import annotations

from offline.recording.strict.kind import Kind, Ref

# The other four are in pulumi-gcp, and Cloud Monitoring does not take them.
_COMPARISONS = frozenset({"COMPARISON_GT", "COMPARISON_LT"})
_ALIGNERS = frozenset(
    f"ALIGN_{each}"
    for each in (
        *("NONE", "DELTA", "RATE", "INTERPOLATE", "NEXT_OLDER", "MIN", "MAX", "MEAN", "COUNT", "SUM", "STDDEV"),
        *("COUNT_TRUE", "COUNT_FALSE", "FRACTION_TRUE", "PERCENT_CHANGE"),
        *("PERCENTILE_99", "PERCENTILE_95", "PERCENTILE_50", "PERCENTILE_05"),
    )
)
_REDUCERS = frozenset(
    f"REDUCE_{each}"
    for each in (
        *("NONE", "MEAN", "MIN", "MAX", "SUM", "STDDEV", "COUNT", "COUNT_TRUE", "COUNT_FALSE", "FRACTION_TRUE"),
        *("PERCENTILE_99", "PERCENTILE_95", "PERCENTILE_50", "PERCENTILE_05"),
    )
)
_CONDITION = "conditions[].condition"

KINDS = (
    Kind(
        "gcp:logging/projectBucketConfig:ProjectBucketConfig",
        "log-bucket",
        "projects/{project|last}/locations/{location}/buckets/{bucketId}",
        service="logging",
        name_key="bucketId",
        named_by_pulumi=False,
        longest=100,
        charset=r"[A-Za-z0-9_][A-Za-z0-9._-]*",
        unique=("location", "bucketId"),
        lasting=True,
        replace=("project", "location", "bucketId"),
        ranges={"retentionDays": (1, 3650)},
        outputs={
            "name": "projects/{project|last}/locations/{location}/buckets/{bucketId}",
            "lifecycleState": "ACTIVE",
            "retentionDays": 30,
        },
    ),
    Kind(
        "gcp:logging/projectSink:ProjectSink",
        "sink",
        "projects/{project|last}/sinks/{name}",
        service="logging",
        name_key="name",
        longest=100,
        charset=r"(?!_)[A-Za-z0-9._-]+",
        unique=("name",),
        replace=("name", "project", "uniqueWriterIdentity"),
        # Within its own project a sink writes into a log bucket without a role.
        outputs={"writerIdentity": ""},
    ),
    Kind(
        "gcp:logging/projectExclusion:ProjectExclusion",
        "exclusion",
        "projects/{project|last}/exclusions/{name}",
        service="logging",
        name_key="name",
        longest=100,
        charset=r"[A-Za-z0-9._-]+",
        unique=("name",),
        replace=("name", "project"),
    ),
    Kind(
        "gcp:logging/metric:Metric",
        "log-metric",
        "{name}",
        service="logging",
        name_key="name",
        longest=100,
        charset=r"[A-Za-z0-9_\-.,+!*',()%/]+",
        unique=("name",),
        replace=("name", "project"),
        enums={
            "metricDescriptor.metricKind": frozenset({"DELTA", "GAUGE", "CUMULATIVE"}),
            "metricDescriptor.valueType": frozenset({"BOOL", "INT64", "DOUBLE", "STRING", "DISTRIBUTION", "MONEY"}),
            "metricDescriptor.labels[].valueType": frozenset({"BOOL", "INT64", "STRING"}),
        },
    ),
    Kind(
        "gcp:monitoring/notificationChannel:NotificationChannel",
        "channel",
        "projects/{project}/notificationChannels/{digits}",
        service="monitoring",
        replace=("project",),
        enums={"type": frozenset({"email", "sms", "slack", "pagerduty", "webhook_basicauth", "pubsub"})},
        outputs={
            "name": "projects/{project}/notificationChannels/{digits}",
            "verificationStatus": "VERIFICATION_STATUS_UNSPECIFIED",
        },
    ),
    Kind(
        "gcp:monitoring/alertPolicy:AlertPolicy",
        "alert",
        "projects/{project}/alertPolicies/{digits}",
        service="monitoring",
        replace=("project",),
        enums={
            "combiner": frozenset({"AND", "OR", "AND_WITH_MATCHING_RESOURCE"}),
            "severity": frozenset({"CRITICAL", "ERROR", "WARNING"}),
            f"{_CONDITION}Threshold.comparison": _COMPARISONS,
            f"{_CONDITION}Threshold.aggregations[].perSeriesAligner": _ALIGNERS,
            f"{_CONDITION}Threshold.aggregations[].crossSeriesReducer": _REDUCERS,
            f"{_CONDITION}Absent.aggregations[].perSeriesAligner": _ALIGNERS,
            f"{_CONDITION}Absent.aggregations[].crossSeriesReducer": _REDUCERS,
        },
        refs=(Ref("notificationChannels[]", "channel", holds=True),),
        outputs={"name": "projects/{project}/alertPolicies/{digits}", "creationRecords": []},
    ),
    Kind(
        "gcp:monitoring/dashboard:Dashboard",
        "dashboard",
        "projects/{number}/dashboards/{uuid}",
        service="monitoring",
        replace=("project",),
    ),
    Kind(
        "gcp:billing/budget:Budget",
        "budget",
        "billingAccounts/{billingAccount}/budgets/{uuid}",
        service="billingbudgets",
        replace=("billingAccount",),
        enums={
            "budgetFilter.calendarPeriod": frozenset({"MONTH", "QUARTER", "YEAR"}),
            "budgetFilter.creditTypesTreatment": frozenset(
                f"{each}_CREDITS" for each in ("INCLUDE_ALL", "EXCLUDE_ALL", "INCLUDE_SPECIFIED")
            ),
            "thresholdRules[].spendBasis": frozenset({"CURRENT_SPEND", "FORECASTED_SPEND"}),
        },
        refs=(Ref("allUpdatesRule.monitoringNotificationChannels[]", "channel", holds=True),),
        outputs={"name": "{uuid}"},
    ),
)
