package timer_test

import (
	"bytes"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/guest/guesttest"
	"vmspec/probes/timer"
)

// read reads facts from notes alone.
func read(t *testing.T, notes map[string]string) *timer.Facts {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range notes {
		files["vmspec/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	f, err := timer.Read(files)
	require.NoError(t, err)
	return f
}

func TestReadCounterFaults(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"empty":                   {"", "incomplete"},
		"no pace":                 {"cntfrq 1000\nreads 5 backward 0 cpus 1\n", "incomplete"},
		"died before it began":    {"error child: signal: illegal instruction\n", "illegal instruction"},
		"died half-way":           {"cntfrq 1000\npace 1 2 3\nerror child: signal: killed\n", "killed"},
		"frequency is no number":  {"cntfrq x\npace 1 2 3\n", `cntfrq: HZ: "x" is not a number`},
		"reads cut":               {"reads 5 backward\npace 1 2 3\n", "reads: no backward N"},
		"no reads":                {"cntfrq 1000\npace 1 2 3\n", "incomplete"},
		"not read once":           {"reads 0 backward 0 cpus 0\npace 1 2 3\n", "incomplete"},
		"pace cut":                {"pace 1 2\n", "pace: no NANOSECONDS"},
		"pace negative":           {"pace -1 2 3\n", `pace: LEAST: "-1" is not a number`},
		"interrupts cut":          {"pace 1 2 3\ninterrupts 1 2\n", "interrupts: no TICKS"},
		"nothing between the two": {"cntfrq 1000\npace 0 0 0\n", "incomplete"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := read(t, map[string]string{"counter": test.text})
			require.Nil(t, f.Counter)
			require.Contains(t, f.CounterErr, test.want)
		})
	}
	require.Contains(t, read(t, nil).CounterErr, "file does not exist")
}

func TestReadCounter(t *testing.T) {
	f := read(t, map[string]string{"counter": "cntfrq 1000\nreads 5 backward 1 cpus 2\npace 19 21 20000000\ninterrupts 7 9 20\nlater 1\n"})
	require.Empty(t, f.CounterErr)
	require.Equal(t, &timer.Counter{Hz: 1000, Reads: timer.Reads{Count: 5, Backward: 1, CPUs: 2},
		Pace: timer.Pace{Least: 19, Most: 21, Nanoseconds: 20_000_000}}, f.Counter)
	require.Equal(t, &timer.Start{Before: 7, After: 9, Ticks: 20}, f.Start)
	require.EqualValues(t, 1000, *f.Frequency)
	f = read(t, map[string]string{"counter": "cntfrq 0\nerror read CNTFRQ: 0\n"})
	require.EqualValues(t, 0, *f.Frequency, "what it states is known, although no counter can be judged by it")
	require.Nil(t, read(t, map[string]string{"counter": "reads 1 backward 0 cpus 1\npace 1 2 3\n"}).Start, "no arch_timer interrupt is listed")
}

// Interrupts that come behind the dead-timer test tell that it was starved.
func TestReadLate(t *testing.T) {
	const some = " CPU0 CPU1\n11: 5 4 GICv3 27 Level arch_timer\n12: 9 9 GICv3 33 Level uart\n"
	tests := map[string]struct {
		counter, ticks, interrupts string
		want                       bool
	}{
		"dead from then on":            {"interrupts 9 9 20\n", "", some, false},
		"some came later":              {"interrupts 8 8 20\n", "", some, true},
		"not tested":                   {"error SIGILL\n", "", some, false},
		"tested by the kernel's clock": {"error SIGILL\n", "interrupts 8 8 20\n", some, true},
		"and dead by it":               {"error SIGILL\n", "interrupts 9 9 20\n", some, false},
		"that test cut":                {"error SIGILL\n", "interrupts 8 8\n", some, false},
		"that test failed":             {"error SIGILL\n", "error hung for 15s\n", some, false},
		"nothing listed in the end":    {"interrupts 8 8 20\n", "", " CPU0\n", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := timer.Read(fstest.MapFS{
				"vmspec/counter":  {Data: []byte(test.counter)},
				"vmspec/ticks":    {Data: []byte(test.ticks)},
				"proc/interrupts": {Data: []byte(test.interrupts)},
			})
			require.NoError(t, err)
			require.Equal(t, test.want, f.Late())
		})
	}
}

func TestReadTrial(t *testing.T) {
	tests := map[string]struct {
		text, err string
		cpus      []timer.CPU
		dead      bool
	}{
		"failed":                   {"error run on cpu 1: invalid argument\n", "run on cpu 1", nil, false},
		"cut":                      {"cpu 0 before 1 after 2 woke\n", "vmspec/timer", nil, false},
		"count no number":          {"cpu 0 before x after 2 woke 5\n", "vmspec/timer", nil, false},
		"failed half-way":          {"cpu 0 before 1 after 2 woke 5\nerror gone\n", "gone", []timer.CPU{{Before: 1, After: 2, Woke: 5}}, false},
		"dead":                     {"dead\n", "", nil, true},
		"one that slept on":        {"cpu 0 before 1 after 2 woke 5\ncpu 3 before 4 after 4 woke 0\n", "", []timer.CPU{{Before: 1, After: 2, Woke: 5}, {Number: 3, Before: 4, After: 4}}, false},
		"a CPU that was never run": {"cpu 3 before 4 after 4 woke 0\nknock 3 came 0\n", "", []timer.CPU{{Number: 3, Before: 4, After: 4, Runs: new(bool)}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := read(t, map[string]string{"timer": test.text})
			require.Equal(t, test.cpus, f.CPUs)
			require.Equal(t, test.dead, f.Dead)
			require.Equal(t, test.err == "", f.TrialErr == "")
			require.Contains(t, f.TrialErr, test.err)
		})
	}
}

func TestIsDead(t *testing.T) {
	tests := map[string]struct {
		text         string
		dead, tested bool
	}{
		"no note":              {"", false, false},
		"measurement failed":   {"error read CNTVCT\n", false, false},
		"not listed":           {"cntfrq 1\npace 1 1 1\n", false, false},
		"line without counts":  {"interrupts\n", false, false},
		"line cut":             {"interrupts 5\n", false, false},
		"it moved":             {"interrupts 5 6 100\n", false, true},
		"it stood still":       {"cntfrq 1\ninterrupts 5 5 100\n", true, true},
		"it never came at all": {"interrupts 0 0 100\n", true, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dead, tested := timer.IsDead([]byte(test.text))
			require.Equal(t, test.dead, dead)
			require.Equal(t, test.tested, tested)
		})
	}
}

func TestReadLog(t *testing.T) {
	tests := map[string]struct {
		log  string
		hz   uint64
		view timer.View
		el2  bool
	}{
		"no such message":    {"[    0.000000] arch_timer: broken\n", 0, timer.UnknownView, false},
		"failed":             {"error operation not permitted\n", 0, timer.UnknownView, false},
		"whole number":       {"[    0.000000] arch_timer: cp15 timer(s) running at 62MHz (virt).\n", 0, timer.UnknownView, false},
		"with hundredths":    {"[    0.000000] arch_timer: cp15 timer(s) running at 62.50MHz (virt).\n", 62_500_000, timer.Virtual, false},
		"small hundredths":   {"[    0.000000] arch_timer: cp15 timer(s) running at 19.05MHz (phys).\n", 19_050_000, timer.Physical, false},
		"with a frame's too": {"[    0.000000] arch_timer: cp15 and mmio timer(s) running at 100.00MHz (virt/phys).\n", 100_000_000, timer.Virtual, false},
		"Linux 6.18":         {"[    0.000000] arch_timer: cp15 timer running at 24.00MHz (virt).\n", 24_000_000, timer.Virtual, false},
		"Linux 6.18 at EL2":  {"[    0.000000] arch_timer: cp15 timer running at 24.00MHz (phys).\n[    0.1] CPU: All CPU(s) started at EL2\n", 24_000_000, timer.Physical, true},
		"another view":       {"[    0.000000] arch_timer: cp15 timer running at 24.00MHz (hyp).\n", 24_000_000, timer.UnknownView, false},
		"at EL2 on 32 bits":  {"[    0.1] CPU: All CPU(s) started in HYP mode.\n", 0, timer.UnknownView, true},
		"at EL1":             {"[    0.1] CPU: All CPU(s) started at EL1\n", 0, timer.UnknownView, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := read(t, map[string]string{"kmsg": test.log})
			require.Equal(t, test.hz, f.Hz)
			require.Equal(t, test.view, f.View)
			require.Equal(t, test.el2, f.EL2)
		})
	}
}

// Where the log has lost its beginning, the interrupt's number tells the timer.
func TestViewByNumber(t *testing.T) {
	for _, name := range []string{"qemu-virt-gicv2", "qemu-virt-acpi"} {
		files := guesttest.Open(t, name)
		text, err := files.ReadFile("proc/interrupts")
		require.NoError(t, err)
		for number, view := range map[string]timer.View{" 27 Level     arch_timer": timer.Virtual, " 30 Level     arch_timer": timer.Physical, " 20 Level     arch_timer": timer.UnknownView} {
			f, err := timer.Read(files.With(map[string][]byte{"vmspec/kmsg": nil, "proc/interrupts": bytes.ReplaceAll(text, []byte(" 27 Level     arch_timer"), []byte(number))}))
			require.NoError(t, err)
			require.Equal(t, view, f.View, name)
		}
	}
}

func TestReadTree(t *testing.T) {
	broken, err := timer.Read(fstest.MapFS{fdt.Path: {Data: []byte("junk")}})
	require.NoError(t, err, "a broken tree is another subject's")
	require.Empty(t, broken.Node)

	files := guesttest.Open(t, "qemu-virt-gicv2")
	tree, err := files.ReadFile(fdt.Path)
	require.NoError(t, err)
	edited := func(from, to string) *timer.Facts {
		require.True(t, bytes.Contains(tree, []byte(from)))
		f, err := timer.Read(files.With(map[string][]byte{fdt.Path: bytes.ReplaceAll(tree, []byte(from), []byte(to))}))
		require.NoError(t, err)
		return f
	}
	require.Empty(t, edited("arm,armv", "arm,army").Node, "no timer node")
	require.Empty(t, edited("interrupts\x00", "interruptx\x00").PPIs, "a node without interrupts")
	// Of kind 0 are the shared interrupts, whose numbers begin at 32.
	private, shared := "\x00\x00\x00\x01\x00\x00\x00\x0d\x00\x00\x01\x04", "\x00\x00\x00\x00\x00\x00\x00\x0d\x00\x00\x01\x04"
	require.NotContains(t, edited(private, shared).PPIs, uint32(29), "a shared interrupt is not private")
}

// Interrupts that have names stand in any order, and each keeps its place.
func TestReadNames(t *testing.T) {
	blob, err := guesttest.Open(t, "qemu-virt-gicv2").ReadFile(fdt.Path)
	require.NoError(t, err)
	tests := map[string]struct {
		names string
		cells []uint32
		gic   string
		want  []uint32
	}{
		"three of them":     {"phys\x00virt\x00hyp-phys\x00", []uint32{1, 14, 4, 1, 11, 4, 1, 10, 4}, "", []uint32{0, 30, 27, 26}},
		"one":               {"virt\x00", []uint32{1, 4, 8}, "", []uint32{0, 0, 20}},
		"one without name":  {"virt\x00", []uint32{1, 4, 8, 1, 5, 8}, "", []uint32{0, 0, 20}},
		"a name of no one":  {"other\x00virt\x00", []uint32{1, 4, 8, 1, 5, 8}, "", []uint32{0, 0, 21}},
		"a shared one":      {"virt\x00", []uint32{0, 4, 8}, "", []uint32{0, 0, 0}},
		"a GICv5's numbers": {"virt\x00", []uint32{1, 27, 4}, "arm,gic-v5", []uint32{0, 0, 27}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tree, err := fdt.Parse(blob)
			require.NoError(t, err)
			fdttest.Set(fdttest.At(tree, "/timer"), "interrupt-names", []byte(test.names))
			fdttest.Set(fdttest.At(tree, "/timer"), "interrupts", fdttest.Cells(test.cells...))
			if test.gic != "" {
				fdttest.Set(fdttest.At(tree, "/intc@8000000"), "compatible", []byte(test.gic+"\x00"))
			}
			f, err := timer.Read(fstest.MapFS{fdt.Path: {Data: fdttest.Encode(tree)}})
			require.NoError(t, err)
			require.Equal(t, test.want, f.PPIs)
		})
	}
}

func TestReadCaptured(t *testing.T) {
	f, err := timer.Read(guesttest.Open(t, "qemu-virt-uefi-gicv3"))
	require.NoError(t, err)
	require.Empty(t, f.CounterErr+f.TrialErr)
	require.EqualValues(t, 62_500_000, f.Counter.Hz)
	require.Equal(t, f.Counter.Hz, f.Hz)
	require.Zero(t, f.Counter.Backward)
	require.LessOrEqual(t, f.Counter.Least, f.Counter.Most)
	require.Greater(t, f.Start.After, f.Start.Before)
	require.False(t, f.Dead)
	require.Len(t, f.CPUs, 4)
	for i, c := range f.CPUs {
		require.Equal(t, i, c.Number)
		require.EqualValues(t, 5, c.Woke)
		require.Greater(t, c.After, c.Before)
	}
	require.Equal(t, "arch_sys_counter /timer", f.Clock+" "+f.Node)
	require.Equal(t, []uint32{29, 30, 27, 26}, f.PPIs)
}

func TestReadWithoutAnything(t *testing.T) {
	f, err := timer.Read(fstest.MapFS{})
	require.NoError(t, err)
	require.Contains(t, f.TrialErr, fs.ErrNotExist.Error())
	require.False(t, f.Dead, "unknown is not dead")
}

// One that stands still stops the kernel's clock, too.
func TestStill(t *testing.T) {
	for pace, want := range map[string]bool{"pace 0 0 0": true, "pace 0 0 5": true, "pace 0 7 5": false} {
		f, err := timer.Read(fstest.MapFS{"vmspec/counter": {Data: []byte(pace + "\nreads 5 backward 0 cpus 1\n")}})
		require.NoError(t, err)
		require.Equal(t, want, f.Counter.Still(), pace)
	}
}
