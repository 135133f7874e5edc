package suite

import "github.com/u-root/u-root/pkg/dt"

// What the trials of a guest with four CPUs leave, of which each mutant has its own.
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

// trialMutants are machines that do not do what they should when it is tried.
var trialMutants = []mutant{
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
		problem: map[string]string{"PLAT-TIMER-WAKE": "too busy to tell: no one-shot came to its end on CPU 3"},
	},
	{
		name: "a CPU that came to no one-shot", guest: uefiGuest, change: add("vmspec/timer", shotsHead+shots012),
		want:    map[string]Verdict{},
		problem: map[string]string{"PLAT-TIMER-WAKE": "too busy", "PLAT-CPU-AFFINITY": "the trial did not run on CPU 3"},
	},
	{
		name: "a CPU that runs what is another's", guest: uefiGuest,
		change:  add("vmspec/timer", shotsHead+shots012+"shot 3 ran 1 ended 1 asked 1312500 took 1345662 others 0\n"),
		want:    map[string]Verdict{"PLAT-TIMER-WAKE": Pass, "PLAT-CPU-AFFINITY": Fail},
		problem: map[string]string{"PLAT-CPU-AFFINITY": "a thread bound to CPU 3 ran on CPU 1"},
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
		problem: map[string]string{"PLAT-COUNTER-AGREES": "too busy to tell: few hand-overs came about between CPUs 0 and 3"},
	},
	{
		name: "hand-overs that broke off", guest: uefiGuest, change: replace("vmspec/agreement", counterOK+pairs01),
		want:    map[string]Verdict{"PLAT-COUNTER-FORWARD": Pass},
		problem: map[string]string{"PLAT-COUNTER-AGREES": "did not come to its end"},
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
	{
		name: "CPUs that go offline and come back", guest: uefiGuest, change: replace("vmspec/offline", offlineOK+"off 3 ok\non 3 ok\nran 3 3\n"),
		want: map[string]Verdict{"PLAT-CPU-OFFLINE": Pass},
	},
	{
		name: "a CPU that does not come back", guest: uefiGuest, change: replace("vmspec/offline", offlineOK+"off 3 ok\non 3 EIO input/output error\n"),
		want:    map[string]Verdict{"PLAT-CPU-OFFLINE": Fail},
		problem: map[string]string{"PLAT-CPU-OFFLINE": "CPU 3 did not come back: EIO input/output error"},
	},
	{
		name: "a CPU that does not go", guest: uefiGuest, change: replace("vmspec/offline", offlineOK+"off 3 EOPNOTSUPP operation not supported\n"),
		want:    map[string]Verdict{"PLAT-CPU-OFFLINE": Fail},
		problem: map[string]string{"PLAT-CPU-OFFLINE": "CPU 3 did not go offline: EOPNOTSUPP"},
	},
	{
		name: "a CPU that comes back as another", guest: uefiGuest, change: replace("vmspec/offline", offlineOK+"off 3 ok\non 3 ok\nran 3 2\n"),
		want:    map[string]Verdict{"PLAT-CPU-OFFLINE": Fail},
		problem: map[string]string{"PLAT-CPU-OFFLINE": "its thread ran on CPU 2"},
	},
	{
		name: "a kernel that keeps CPUs for itself", guest: uefiGuest, change: replace("vmspec/offline", "secondaries 3\noff 1 EBUSY device or resource busy\n"),
		want: map[string]Verdict{}, problem: map[string]string{"PLAT-CPU-OFFLINE": "CPU 1: EBUSY"},
	},
	{
		name: "a host so busy that a CPU is slow to go", guest: uefiGuest,
		change: replace("vmspec/offline", offlineOK+"log [    2.0] psci: CPU2 may not have shut down cleanly (AFFINITY_INFO reports 0)\n"),
		want:   map[string]Verdict{}, problem: map[string]string{"PLAT-CPU-OFFLINE": "may not have shut down cleanly"},
	},
	{
		name: "a trial that a CPU did not survive", guest: uefiGuest,
		change:  all(replace("vmspec/offline", "error hung for 15s\n"), replace("sys/devices/system/cpu/online", "0,2-3\n")),
		want:    map[string]Verdict{"PLAT-CPU-ENUM": Error},
		problem: map[string]string{"PLAT-CPU-OFFLINE": "hung for 15s", "PLAT-CPU-ENUM": "maybe since a trial that was lost"},
	},
	{
		name: "CPUs that no one may take offline", guest: uefiGuest, change: replace("vmspec/offline", "secondaries 3\n"),
		want: map[string]Verdict{}, problem: map[string]string{"PLAT-CPU-OFFLINE": "the kernel lets no CPU go offline"},
	},
	{
		name: "a kernel that cannot do without a CPU", guest: uefiGuest,
		change: all(replace("vmspec/offline", "secondaries 3\n"), edit("lib/modules/6.1.0-56-arm64/config", "CONFIG_HOTPLUG_CPU=y", "# CONFIG_HOTPLUG_CPU is not set")),
		want:   map[string]Verdict{}, problem: map[string]string{"PLAT-CPU-OFFLINE": "this kernel lacks CONFIG_HOTPLUG_CPU"},
	},
	{
		name: "no CPU to do without", guest: directGuest, change: replace("vmspec/offline", "secondaries 0\n"),
		want: map[string]Verdict{"PLAT-CPU-OFFLINE": Skip},
	},
	{
		name: "CPUs whose ID registers differ", guest: uefiGuest,
		change:  add("vmspec/kmsg", "[    0.1] CPU features: SANITY CHECK: Unexpected variation in SYS_ID_AA64PFR0_EL1. Boot CPU: 0x00000001002222, CPU1: 0x00000000002222\n"),
		want:    map[string]Verdict{"PLAT-CPU-ALIKE": Fail},
		problem: map[string]string{"PLAT-CPU-ALIKE": "Unexpected variation in SYS_ID_AA64PFR0_EL1"},
	},
	{
		name: "cores of two kinds", guest: uefiGuest,
		change: add("proc/cpuinfo", "processor\t: 4\nCPU implementer\t: 0x41\nCPU variant\t: 0x0\nCPU part\t: 0xd03\nCPU revision\t: 4\n"),
		want:   map[string]Verdict{},
	},
	{
		name: "PSCI that answers PSCI_FEATURES with nonsense", guest: uefiGuest,
		change:  edit("sys/kernel/debug/psci", "MIGRATE_INFO_TYPE is supported", "PSCI_FEATURES(SYSTEM_SUSPEND) error (-2)"),
		want:    map[string]Verdict{"PLAT-PSCI-FEATURES": Fail},
		problem: map[string]string{"PLAT-PSCI-FEATURES": "PSCI_FEATURES(SYSTEM_SUSPEND) error (-2)"},
	},
	{
		name: "PSCI with no optional function", guest: uefiGuest, change: edit("sys/kernel/debug/psci", "MIGRATE_INFO_TYPE is supported", ""),
		want: map[string]Verdict{},
	},
	{
		name: "a guest without debugfs", guest: uefiGuest, change: remove("sys/kernel/debug/psci"),
		want: map[string]Verdict{"PLAT-PSCI-FEATURES": Error},
	},
	{
		name: "PSCI 0.2, which cannot be asked", guest: uefiGuest, change: edit("sys/kernel/debug/psci", "PSCIv1.1", "PSCIv0.2"),
		want: map[string]Verdict{"PLAT-PSCI-FEATURES": Skip},
	},
	{
		name: "memory that holds", guest: uefiGuest, change: replace("vmspec/touch", touchOK),
		want: map[string]Verdict{"PLAT-MEM-TOUCH": Pass},
	},
	{
		name: "memory that does not hold", guest: uefiGuest, change: replace("vmspec/touch", "page 4096\ntouched 1024 wrong 3\n"),
		want:    map[string]Verdict{"PLAT-MEM-TOUCH": Fail},
		problem: map[string]string{"PLAT-MEM-TOUCH": "3 pages came back altered"},
	},
	{
		name: "memory at unknown addresses", guest: uefiGuest, change: replace("vmspec/touch", "page 4096\ntouched 1024 wrong 0\n"),
		want: map[string]Verdict{}, problem: map[string]string{"PLAT-MEM-TOUCH": "does not tell where pages lie"},
	},
	{
		name: "a range of which no page is free", guest: uefiGuest,
		change: all(replace("vmspec/touch", touchOK), tree(func(root *dt.Node) {
			node(root, ramNode).UpdateProperty("reg", cells(0, 0x40000000, 0, 0x20000000, 1, 0, 0, 0x10000000))
		})),
		want:    map[string]Verdict{},
		problem: map[string]string{"PLAT-MEM-TOUCH": "no page was free at 100000000-10fffffff"},
	},
	{
		name: "a range in which firmware keeps some, by ACPI", guest: acpiGuest,
		change: replace("vmspec/touch", "page 4096\ntouched 256 wrong 0\npiece 1551040512 1606418431 256 1581473792 1582526464\n"),
		want:   map[string]Verdict{"PLAT-MEM-TOUCH": Pass},
	},
	{
		name: "a range far away of which no page is free, by ACPI", guest: acpiGuest,
		change:  all(replace("vmspec/touch", touchOK), add("proc/iomem", "100000000-10fffffff : System RAM\n")),
		want:    map[string]Verdict{},
		problem: map[string]string{"PLAT-MEM-TOUCH": "no page was free at 100000000-10fffffff"},
	},
	{
		name: "a small range of which no page is free", guest: uefiGuest,
		change: all(replace("vmspec/touch", touchOK), tree(func(root *dt.Node) {
			node(root, ramNode).UpdateProperty("reg", cells(0, 0x40000000, 0, 0x20000000, 1, 0, 0, 0x1000000))
		})),
		want: map[string]Verdict{"PLAT-MEM-TOUCH": Pass},
	},
}
