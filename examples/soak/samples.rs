//! What is looked at every few seconds, and whether it rises.

use std::{error::Error, time::Duration};

use group_import_gateway::sandbox::Sandbox;

use super::rig::{
    Gateway, Usage,
    chart::{self, Line, Panel},
    median, percentile,
};

/// Chat's rate for each app.
const RATE: usize = 200;

/// One look.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    minutes: f64,
    usage: Usage,
    tasks: f64,
    /// Calls of `import_group` so far, of all apps.
    calls: f64,
    apps: f64,
    /// The most calls of one app in any second so far.
    most: usize,
    /// Calls a second of an app since the look before.
    rate: f64,
    /// Microseconds of processor time for each of them.
    cost: f64,
}

impl Sample {
    pub(crate) const HEAD: &str = "  min   memory MiB  descriptors  tasks  threads  calls/s an app  most/s  µs a call";

    pub(crate) fn take(
        at: Duration,
        gateway: &Gateway,
        chat: &Sandbox,
        apps: &[(&str, u64)],
    ) -> Result<Self, Box<dyn Error>> {
        let most = apps.iter().map(|(_, number)| chat.most_in_one_second("import_group", *number)).max();
        Ok(Self {
            minutes: at.as_secs_f64() / 60.0,
            usage: gateway.usage()?,
            tasks: gateway.metric("group_import_tasks")?,
            calls: chat.call_count("import_group") as f64,
            apps: apps.len() as f64,
            most: most.unwrap_or_default(),
            rate: 0.0,
            cost: 0.0,
        })
    }

    fn line(&self) -> String {
        format!(
            "{:5.1} {:12.1} {:12} {:6} {:8} {:15.1} {:7} {:10.0}",
            self.minutes,
            self.usage.memory,
            self.usage.descriptors,
            self.tasks,
            self.usage.threads,
            self.rate,
            self.most,
            self.cost
        )
    }
}

/// All of them.
#[derive(Default)]
pub(crate) struct Samples(Vec<Sample>);

impl Samples {
    /// Adds one, and says it in a line.
    pub(crate) fn add(&mut self, mut sample: Sample) -> String {
        if let Some(before) = self.0.last() {
            let calls = (sample.calls - before.calls).max(1.0);
            sample.rate = calls / sample.apps / (sample.minutes - before.minutes) / 60.0;
            sample.cost = (sample.usage.processor - before.usage.processor) / calls * 1e6;
        }
        self.0.push(sample);
        sample.line()
    }

    fn of(&self, value: fn(&Sample) -> f64) -> Vec<f64> {
        self.0.iter().skip(1).map(value).collect()
    }

    /// All that is not as it should be, once the first quarter is over: it is for warming up, for pools and for five
    /// minutes of history.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.0.len() < 40 {
            faults.push("too short to tell: give it four minutes at least".to_owned());
        }
        // A few percent are the load's own ups and downs, and a few pieces those of small numbers.
        let mut rises = |what: &str, share: f64, pieces: f64, value: fn(&Sample) -> f64| {
            let (usual, rise) = self.trend(value);
            if rise > usual * share + pieces {
                faults.push(format!("{what} rose by {rise:.1}, from {usual:.1} or so"));
            }
        };
        rises("memory, in MiB,", 0.05, 0.5, |sample| sample.usage.memory);
        rises("descriptors", 0.05, 3.0, |sample| sample.usage.descriptors);
        rises("tasks", 0.05, 5.0, |sample| sample.tasks);
        rises("threads", 0.0, 0.0, |sample| sample.usage.threads);
        rises("processor time a call", 0.25, 10.0, |sample| sample.cost);
        let (usual, rise) = self.trend(|sample| sample.rate);
        if rise < -0.03 * usual {
            faults.push(format!("the rate fell by {:.1}, from {usual:.1} or so", -rise));
        }
        let rates = self.of(|sample| sample.rate);
        // Nine in ten looks have no change of keys in them, nor a cut of all connections.
        let (usual, low) = (median(&rates), percentile(&rates, 10));
        if low < usual * 0.9 {
            faults.push(format!("the rate is {usual:.1} mostly, and {low:.1} in one look of ten"));
        }
        if let Some(most) = self.0.last().map(|last| last.most).filter(|most| *most > RATE) {
            faults.push(format!("a second held {most} calls of one app"));
        }
        faults
    }

    /// The middle of a value after the first quarter, and by how much it rose from there to the end by its trend: the
    /// middle of the slopes between every two looks (Theil and Sen's), which a leak has and one step has not. An
    /// allocator keeps what the largest crowd so far has needed, so a step is what one stall of the machine leaves.
    fn trend(&self, value: fn(&Sample) -> f64) -> (f64, f64) {
        let looks: Vec<_> =
            self.0.iter().skip(self.0.len() / 4 + 1).map(|sample| (sample.minutes, value(sample))).collect();
        let pairs =
            looks.iter().enumerate().flat_map(|(at, one)| looks[at + 1..].iter().map(move |other| (one, other)));
        let slopes: Vec<f64> = pairs.map(|(one, other)| (other.1 - one.1) / (other.0 - one.0)).collect();
        let span = looks.last().map_or(0.0, |last| last.0) - looks.first().map_or(0.0, |first| first.0);
        (median(&looks.iter().map(|look| look.1).collect::<Vec<_>>()), median(&slopes) * span)
    }

    pub(crate) fn svg(&self) -> String {
        let panel = |title: &str, value: fn(&Sample) -> f64| {
            let points = self.0.iter().skip(1).map(|sample| (sample.minutes, value(sample))).collect();
            Panel {
                title: title.to_owned(),
                lines: vec![Line { name: String::new(), points }],
                log_x: false,
                log_y: false,
            }
        };
        let panels = [
            panel("Memory, MiB", |sample| sample.usage.memory),
            panel("File descriptors", |sample| sample.usage.descriptors),
            panel("Tasks", |sample| sample.tasks),
            panel("Calls a second, each app", |sample| sample.rate),
            panel("Most calls in any second so far", |sample| sample.most as f64),
            panel("Processor time a call, µs", |sample| sample.cost),
        ];
        chart::svg("The soak: memory, descriptors, tasks and rate over its minutes", &panels, 3)
    }
}
