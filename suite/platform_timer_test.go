package suite

import "github.com/u-root/u-root/pkg/dt"

// counter is the note of a good counter; a later row replaces an earlier one.
const counter = "cntfrq 62500000\nreads 200000 backward 0 cpus 4\npace 1250000 1250100 20000000\ninterrupts 10 20 1250000\n"

// deadTimer lets the timer never interrupt from the dead-timer test on.
var deadTimer = all(replace("vmspec/timer", "dead\n"), edit("vmspec/counter", "interrupts 1238 1260 ", "interrupts 9999 9999 "))

var timerMutants = []mutant{
	{
		name: "a dead timer", guest: uefiGuest, change: deadTimer,
		want:    map[string]Verdict{"PLAT-TIMER": Fail},
		problem: map[string]string{"PLAT-TIMER": "the timer does not interrupt"},
	},
	{
		name: "a dead timer and a kernel of unknown configuration", guest: uefiGuest,
		change: all(deadTimer, remove("lib/modules/6.1.0-56-arm64/config")),
		want:   map[string]Verdict{"PLAT-HOTPLUG-BUS": Error, "PLAT-SMCCC": Error, "PLAT-TIMER": Fail},
	},
	{
		name: "a timer that was starved while it was waited for", guest: uefiGuest, change: replace("vmspec/timer", "dead\n"),
		want:    map[string]Verdict{"PLAT-TIMER": Error},
		problem: map[string]string{"PLAT-TIMER": "too busy to tell"},
	},
	{
		name: "a kernel without the generic timer's driver", guest: directGuest,
		change: all(replace("vmspec/timer", "cpu 0 before 0 after 0 woke 5\n"), edit("proc/interrupts", "arch_timer", "sp804"),
			edit("lib/modules/6.1.0-56-arm64/config", "CONFIG_ARM_ARCH_TIMER=y", "# CONFIG_ARM_ARCH_TIMER is not set")),
		want: map[string]Verdict{"PLAT-TIMER": Error},
	},
	{
		name: "our own nohz_full=", guest: uefiGuest,
		change: all(edit("vmspec/timer", "cpu 3 before", "cpu 3 before 7 after 7 woke 5\nrest"), edit("proc/cmdline", "panic=-1", "nohz_full=1-3")),
		want:   map[string]Verdict{"PLAT-TIMER": Error},
	},
	{
		name: "a timer dead on one CPU", guest: uefiGuest, change: edit("vmspec/timer", "cpu 1 before", "cpu 1 before 9 after 9 woke 0\nrest"),
		want:    map[string]Verdict{"PLAT-TIMER": Fail},
		problem: map[string]string{"PLAT-TIMER": "a sleep did not end on CPU 1"},
	},
	{
		name: "a host too busy to run a CPU", guest: uefiGuest, change: edit("vmspec/timer", "woke 5\ncpu 2", "woke 0\ncpu 2"),
		want:    map[string]Verdict{"PLAT-TIMER": Error},
		problem: map[string]string{"PLAT-TIMER": "the timer interrupts CPU 1, but a sleep did not end there"},
	},
	{
		name: "a CPU that the host never ran", guest: uefiGuest, change: edit("vmspec/timer", "cpu 1 before", "cpu 1 before 9 after 9 woke 0\nknock 1 came 0\nrest"),
		want:    map[string]Verdict{"PLAT-TIMER": Error},
		problem: map[string]string{"PLAT-TIMER": "too busy to tell: the host did not run CPU 1"},
	},
	{
		name: "a CPU that runs, and whose timer does not", guest: uefiGuest, change: edit("vmspec/timer", "cpu 1 before", "cpu 1 before 9 after 9 woke 0\nknock 1 came 1\nrest"),
		want:    map[string]Verdict{"PLAT-TIMER": Fail},
		problem: map[string]string{"PLAT-TIMER": "a sleep did not end on CPU 1"},
	},
	{
		name: "a timer that ends one sleep and no other", guest: uefiGuest, change: edit("vmspec/timer", "cpu 1 before", "cpu 1 before 9 after 10 woke 1\nknock 1 came 1\nrest"),
		want:    map[string]Verdict{"PLAT-TIMER": Fail},
		problem: map[string]string{"PLAT-TIMER": "a sleep did not end on CPU 1"},
	},
	{
		name: "a host too busy to end all sleeps", guest: uefiGuest, change: edit("vmspec/timer", "cpu 1 before", "cpu 1 before 9 after 90 woke 4\nknock 1 came 1\nrest"),
		want:    map[string]Verdict{"PLAT-TIMER": Error},
		problem: map[string]string{"PLAT-TIMER": "the timer interrupts CPU 1, but a sleep did not end there"},
	},
	{
		name: "a counter that was read on no CPU", guest: uefiGuest, change: edit("vmspec/counter", "cpus 4", "cpus 0"),
		want:    map[string]Verdict{"PLAT-COUNTER": Error},
		problem: map[string]string{"PLAT-COUNTER": "the counter was read on 0 of 4 CPUs"},
	},
	{
		name: "a counter that stands still", guest: uefiGuest, change: replace("vmspec/counter", "cntfrq 62500000\npace 0 0 0\nreads 20000000 backward 0 cpus 4\n"),
		want:    map[string]Verdict{"PLAT-COUNTER": Fail},
		problem: map[string]string{"PLAT-COUNTER": "the counter stood still during 20000000 reads"},
	},
	{
		name: "the physical timer at EL2", guest: uefiGuest,
		change:  all(edit("vmspec/kmsg", "(virt)", "(phys)"), edit("vmspec/kmsg", "started at EL1", "started at EL2")),
		want:    map[string]Verdict{"FW-EL1": Fail, "PLAT-TIMER": Error},
		problem: map[string]string{"PLAT-TIMER": "EL2"},
	},
	{
		name: "a timer without a virtual interrupt", guest: directGuest,
		change: all(edit("vmspec/kmsg", "(virt)", "(phys)"), tree(func(root *dt.Node) {
			node(root, "timer").UpdateProperty("interrupts", cells(1, 13, 0x104, 1, 14, 0x104))
		})),
		want:    map[string]Verdict{"PLAT-TIMER": Fail},
		problem: map[string]string{"PLAT-TIMER": "/timer declares no interrupt of the virtual timer"},
	},
	{
		name: "a log that does not tell the timer", guest: directGuest,
		change: all(edit("vmspec/kmsg", "arch_timer: cp15", "arch_timer: none"), edit("proc/interrupts", " 27 Level     arch_timer", " 20 Level     arch_timer")),
		want:   map[string]Verdict{"PLAT-TIMER": Error},
	},
	{
		name: "a log that has lost its beginning", guest: directGuest, change: edit("vmspec/kmsg", "arch_timer: cp15", "arch_timer: none"),
		want: map[string]Verdict{},
	},
	{
		name: "sleeps woken by something else", guest: directGuest, change: replace("vmspec/timer", "cpu 0 before 0 after 0 woke 5\n"),
		want:    map[string]Verdict{"PLAT-TIMER": Fail},
		problem: map[string]string{"PLAT-TIMER": "no arch_timer interrupt came on CPU 0"},
	},
	{
		name: "a trial that left a CPU out", guest: uefiGuest, change: replace("vmspec/timer", "cpu 0 before 0 after 5 woke 5\n"),
		want: map[string]Verdict{"PLAT-TIMER": Error},
	},
	{
		name: "a counter that goes back", guest: uefiGuest, change: replace("vmspec/counter", counter+"reads 200000 backward 3 cpus 4\n"),
		want:    map[string]Verdict{"PLAT-COUNTER": Fail},
		problem: map[string]string{"PLAT-COUNTER": "went back 3 times"},
	},
	{
		name: "a counter at twice CNTFRQ", guest: uefiGuest, change: replace("vmspec/counter", counter+"pace 2500000 2500100 20000000\n"),
		want:    map[string]Verdict{"PLAT-COUNTER": Fail},
		problem: map[string]string{"PLAT-COUNTER": "2.000 to 2.000 times CNTFRQ"},
	},
	{
		name: "a counter read on a busy host", guest: uefiGuest, change: replace("vmspec/counter", counter+"pace 1000000 1500000 20000000\n"),
		want: map[string]Verdict{},
	},
	{
		name: "a counter that traps", guest: uefiGuest, change: replace("vmspec/counter", "error child: signal: illegal instruction\n"),
		want:    map[string]Verdict{"PLAT-COUNTER": Error, "PLAT-COUNTER-RATE": Error},
		problem: map[string]string{"PLAT-COUNTER": "illegal instruction"},
	},
	{
		name: "CNTFRQ is 0", guest: uefiGuest, change: replace("vmspec/counter", "cntfrq 0\nerror read CNTFRQ: 0\n"),
		want: map[string]Verdict{"PLAT-COUNTER": Fail, "PLAT-COUNTER-RATE": Error},
	},
}
