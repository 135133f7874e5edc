package suite

// Notes of trials in a guest with four CPUs. The last CPU is left to each
// mutant.
const (
	shotsHead  = "counter cntvct 62500000\nbaseline 50000\n"
	shots012   = "shot 0 ran 0 ended 1 asked 750000 took 764807 others 7\nshot 1 ran 1 ended 1 asked 937500 took 951000 others 0\nshot 2 ran 2 ended 1 asked 1125000 took 1139490 others 0\n"
	shot3      = "shot 3 ran 3 ended 1 asked 1312500 took 1345662 others 0\n"
	counterOK  = "counter cntvct 62500000\nreads 200704 backward 0 worst 0\n"
	pairs01    = "pair 0 1 handovers 33333 backward 0 worst 0\npair 0 2 handovers 33333 backward 0 worst 0\n"
	pair3      = "pair 0 3 handovers 33333 backward 0 worst 0\n"
	offlineOK  = "secondaries 3\noff 1 ok\non 1 ok\nran 1 1\noff 2 ok\non 2 ok\nran 2 2\n"
	touchOK    = "page 4096\ntouched 1024 wrong 0\npiece 1073741824 1610612735 1024 1100000000 1600000000\n"
	clockWatch = "rtc rtc0\ncounter cntvct 62500000\n"
)

var beyondTimerMutants = []mutant{
	{
		name: "a counter of 1 MHz", guest: directGuest,
		change:  replace("vmspec/counter", "cntfrq 1000000\nreads 200000 backward 0 cpus 1\npace 20000 20001 20000000\ninterrupts 10 20 20000\n"),
		want:    map[string]Verdict{"PLAT-COUNTER-RATE": Fail},
		problem: map[string]string{"PLAT-COUNTER-RATE": "runs at 1000000 Hz, under 10 MHz"},
	},
	{
		name: "timers that wake all CPUs", guest: uefiGuest, change: add("vmspec/timer", shotsHead+shots012+shot3),
		want: map[string]Verdict{"PLAT-TIMER-WAKE": Pass, "PLAT-CPU-AFFINITY": Pass},
	},
	{
		name: "a one-shot that never comes", guest: uefiGuest,
		change:  add("vmspec/timer", shotsHead+shots012+"shot 3 ran 3 ended 0 asked 1312500 took 310000000 others 0\n"),
		want:    map[string]Verdict{"PLAT-TIMER-WAKE": Fail, "PLAT-CPU-AFFINITY": Pass},
		problem: map[string]string{"PLAT-TIMER-WAKE": "no one-shot woke CPU 3"},
	},
	{
		name: "one-shots that end by another's interrupt", guest: uefiGuest,
		change:  add("vmspec/timer", shotsHead+shots012+"shot 3 ran 3 ended 3 asked 1312500 took 95000000 others 0\n"),
		want:    map[string]Verdict{"PLAT-TIMER-WAKE": Fail, "PLAT-CPU-AFFINITY": Pass},
		problem: map[string]string{"PLAT-TIMER-WAKE": "every one-shot was more than 1.0 s late on CPU 3"},
	},
	{
		name: "one-shots that are late on a busy host", guest: uefiGuest,
		change: add("vmspec/timer", "counter cntvct 62500000\nbaseline 2000000\n"+shots012+"shot 3 ran 3 ended 3 asked 1312500 took 95000000 others 0\n"),
		want:   map[string]Verdict{"PLAT-TIMER-WAKE": Pass, "PLAT-CPU-AFFINITY": Pass},
	},
	{
		name: "a host too busy for a one-shot", guest: uefiGuest,
		change:  add("vmspec/timer", shotsHead+shots012+"shot 3 ran 3 ended 0 asked 1312500 took 1400000 others 0\n"),
		want:    map[string]Verdict{"PLAT-CPU-AFFINITY": Pass},
		problem: map[string]string{"PLAT-TIMER-WAKE": "too busy to tell: no one-shot finished on CPU 3"},
	},
	{
		name: "a CPU that came to no one-shot", guest: uefiGuest, change: add("vmspec/timer", shotsHead+shots012),
		want:    map[string]Verdict{},
		problem: map[string]string{"PLAT-TIMER-WAKE": "too busy", "PLAT-CPU-AFFINITY": "the trial did not run on CPU 3"},
	},
	{
		name: "a counter that is read without a fault", guest: uefiGuest, change: replace("vmspec/agreement", counterOK+pairs01+pair3),
		want: map[string]Verdict{"PLAT-COUNTER-FORWARD": Pass, "PLAT-COUNTER-AGREES": Pass},
	},
	{
		name: "a counter that goes back by a tick", guest: uefiGuest,
		change:  replace("vmspec/agreement", "counter cntvct 62500000\nreads 200704 backward 1 worst 1\n"+pairs01+pair3),
		want:    map[string]Verdict{"PLAT-COUNTER-FORWARD": Fail, "PLAT-COUNTER-AGREES": Pass},
		problem: map[string]string{"PLAT-COUNTER-FORWARD": "went back by up to 1 tick"},
	},
	{
		name: "a CPU whose counter is behind", guest: uefiGuest,
		change:  replace("vmspec/agreement", counterOK+pairs01+"pair 0 3 handovers 33333 backward 16666 worst 700\n"),
		want:    map[string]Verdict{"PLAT-COUNTER-FORWARD": Pass, "PLAT-COUNTER-AGREES": Fail},
		problem: map[string]string{"PLAT-COUNTER-AGREES": "CPU 0 and CPU 3 differ by 700 ticks or more"},
	},
	{
		name: "a host that runs one virtual CPU at a time", guest: uefiGuest,
		change:  replace("vmspec/agreement", counterOK+pairs01+"pair 0 3 handovers 9 backward 0 worst 0\n"),
		want:    map[string]Verdict{"PLAT-COUNTER-FORWARD": Pass},
		problem: map[string]string{"PLAT-COUNTER-AGREES": "too busy to tell: too few hand-overs between CPUs 0 and 3"},
	},
	{
		name: "hand-overs that broke off", guest: uefiGuest, change: replace("vmspec/agreement", counterOK+pairs01),
		want:    map[string]Verdict{"PLAT-COUNTER-FORWARD": Pass},
		problem: map[string]string{"PLAT-COUNTER-AGREES": "did not finish"},
	},
	{
		name: "one CPU, which agrees with itself", guest: directGuest, change: replace("vmspec/agreement", counterOK),
		want:    map[string]Verdict{"PLAT-COUNTER-FORWARD": Pass, "PLAT-COUNTER-AGREES": Skip},
		problem: map[string]string{"PLAT-COUNTER-AGREES": "one-cpu"},
	},
	{
		name: "a counter that programs cannot read", guest: uefiGuest, change: replace("vmspec/agreement", "counter monotonic 1000000000\nreads 5 backward 1 worst 1\n"),
		want: map[string]Verdict{}, problem: map[string]string{"PLAT-COUNTER-FORWARD": "programs cannot read the counter"},
	},
	{
		name: "a clock that begins in 1970", guest: uefiGuest, change: replace("vmspec/clock", clockWatch+"edge 100 1000000 1100000\nedge 101 63500000 63600000\n"),
		want:    map[string]Verdict{"PLAT-CLOCK-DATE": Fail},
		problem: map[string]string{"PLAT-CLOCK-DATE": "rtc0 says 1970-01-01"},
	},
	{
		name: "a clock of the next century", guest: uefiGuest, change: replace("vmspec/clock", clockWatch+"edge 4102444800 1000000 1100000\nedge 4102444801 63500000 63600000\n"),
		want: map[string]Verdict{"PLAT-CLOCK-DATE": Fail},
	},
	{
		name: "a clock that always says the same", guest: directGuest, change: replace("vmspec/clock", clockWatch+"stuck 1421770011 187500001\n"),
		want:    map[string]Verdict{"PLAT-CLOCK-DATE": Fail, "PLAT-COUNTER-PACE": Error},
		problem: map[string]string{"PLAT-CLOCK-DATE": "rtc0 says 2015-01-20", "PLAT-COUNTER-PACE": "rtc0 stood still for 3.0 s"},
	},
	{
		name: "no clock", guest: directGuest, change: all(remove("sys/class/rtc/rtc0"), replace("vmspec/clock", "error the kernel has no real-time clock\n")),
		want:    map[string]Verdict{"PLAT-CLOCK-DATE": Skip, "PLAT-COUNTER-PACE": Skip},
		problem: map[string]string{"PLAT-CLOCK-DATE": "no-rtc"},
	},
}
