package com.linkedin.kafka.cruisecontrol.metricsreporter;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.metrics.MetricsReporter;

/**
 * A test double: it has the name of Cruise Control's metrics reporter, so that brokers configured for it start, and it
 * reports nothing. The real one is in no package registry.
 */
public final class CruiseControlMetricsReporter implements MetricsReporter {
  @Override
  public void init(List<KafkaMetric> metrics) {}

  @Override
  public void metricChange(KafkaMetric metric) {}

  @Override
  public void metricRemoval(KafkaMetric metric) {}

  @Override
  public void configure(Map<String, ?> configs) {}

  @Override
  public void close() {}
}
