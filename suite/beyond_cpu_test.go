package suite

var beyondCPUMutants = []mutant{
	{
		name: "SMCCC 1.1", guest: uefiGuest, change: edit("sys/kernel/debug/psci", "SMC Calling Convention v1.0", "SMC Calling Convention v1.1"),
		want: map[string]Verdict{"PLAT-SMCCC": Pass},
	},
	{
		name: "a CPU that runs what is another's", guest: uefiGuest,
		change:  add("vmspec/timer", shotsHead+shots012+"shot 3 ran 1 ended 1 asked 1312500 took 1345662 others 0\n"),
		want:    map[string]Verdict{"PLAT-TIMER-WAKE": Pass, "PLAT-CPU-AFFINITY": Fail},
		problem: map[string]string{"PLAT-CPU-AFFINITY": "a thread bound to CPU 3 ran on CPU 1"},
	},
	{
		name: "CPUs that go offline and come back", guest: uefiGuest, change: replace("vmspec/offline", offlineOK+"off 3 ok\non 3 ok\nran 3 3\n"),
		want: map[string]Verdict{"PLAT-CPU-OFFLINE": Pass},
	},
	{
		name: "a CPU that does not come back", guest: uefiGuest, change: replace("vmspec/offline", offlineOK+"off 3 ok\non 3 EINVAL invalid argument\n"),
		want:    map[string]Verdict{"PLAT-CPU-OFFLINE": Fail},
		problem: map[string]string{"PLAT-CPU-OFFLINE": "CPU 3 did not come back: EINVAL invalid argument"},
	},
	{
		name: "a host so busy that a CPU is slow to come back", guest: uefiGuest, change: replace("vmspec/offline", offlineOK+"off 3 ok\non 3 EIO input/output error\n"),
		want: map[string]Verdict{}, problem: map[string]string{"PLAT-CPU-OFFLINE": "too busy to tell: CPU 3 did not come back in time: EIO"},
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
		problem: map[string]string{"PLAT-CPU-OFFLINE": "hung for 15s", "PLAT-CPU-ENUM": "maybe because a trial hung"},
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
}
