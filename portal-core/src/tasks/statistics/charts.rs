//! Charts for the task statistics.

use super::{TaskCounts, TaskDurations};
use crate::pages::components::{Chart, Tone, Unit};

impl TaskCounts {
    /// Returns a bar chart of finished tasks by outcome: throughput and failures in one chart.
    pub fn chart(&self) -> Chart {
        Chart::bar("Tasks by outcome")
            .buckets(self.buckets())
            .counts("Completed", Tone::Success, &self.completed.values)
            .counts("Failed", Tone::Danger, &self.failed.values)
            .counts("Cancelled", Tone::Neutral, &self.cancelled.values)
            .empty_text("No tasks finished in this time range")
    }
}

impl TaskDurations {
    /// Returns a line chart of task durations: the median and the 95th percentile.
    pub fn chart(&self) -> Chart {
        Chart::line("Task duration")
            .buckets(&self.buckets)
            .unit(Unit::Seconds)
            .series("Median", self.median.iter().copied())
            .series("95th percentile", self.p95.iter().copied())
            .empty_text("No tasks completed in this time range")
    }
}
