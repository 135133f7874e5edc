package main

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/console"
	"vmspec/probes/cpu"
	"vmspec/probes/image"
	"vmspec/probes/kernel"
	"vmspec/probes/network"
	"vmspec/probes/note"
	"vmspec/probes/tpm"
	"vmspec/suite"
)

// The worker tells the supervisor what the dead-timer test saw, and makes the other
// one only where the first could not be made.
func TestTimerIsDead(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	for name, c := range map[string]struct {
		counter, ticks string
		dead           bool
		signal         byte
	}{
		"interrupts came":    {"interrupts 7 9 20\n", "", false, signalAlive},
		"none came":          {"interrupts 7 7 20\n", "", true, signalDead},
		"the reads failed":   {"interrupts 7 7 20\nerror hung for 15s\n", "", true, signalDead},
		"by the other clock": {"error crashed: SIGILL\n", "interrupts 7 7 20\n", true, signalDead},
		"alive by the other": {"error crashed: SIGILL\n", "interrupts 7 8 20\n", false, signalAlive},
		"neither was made":   {"error crashed: SIGILL\n", "error no arch_timer\n", false, signalAlive},
	} {
		t.Run(name, func(t *testing.T) {
			r, w, err := os.Pipe()
			require.NoError(t, err)
			defer r.Close()
			o := observed(t, false)
			o.signals, o.notes = w, notes{"counter": []byte(c.counter)}
			if c.ticks != "" {
				o.kept = notes{"ticks": []byte(c.ticks)}
			}
			require.Equal(t, c.dead, o.timerIsDead())
			require.Equal(t, c.ticks, string(o.notes["ticks"]))
			require.NoError(t, w.Close())
			b := make([]byte, 2)
			n, err := r.Read(b)
			require.NoError(t, err)
			require.Equal(t, string(c.signal), string(b[:n]))
		})
	}
}

// What was logged during the trials is appended once, and scrubbed as the rest.
func TestAddLog(t *testing.T) {
	const first, second = "[    0.000000] Booting Linux\n", "[   12.000000] psci: CPU1 may not\n"
	for name, c := range map[string]struct {
		kmsg, logged, want string
	}{
		"nothing":            {first, "", first},
		"what is known":      {first, first, first},
		"more":               {first, first + second, first + second},
		"with an address":    {first, "[   13.000000] eth0: 52:54:00:12:34:56 up\n", first + "[   13.000000] eth0: xx:xx:xx:xx:xx:xx up\n"},
		"to a log that fell": {"error no /dev/kmsg\n", second, "error no /dev/kmsg\n"},
	} {
		o := observed(t, false)
		o.notes = notes{"kmsg": []byte(c.kmsg)}
		o.log = func() string { return c.logged }
		o.addLog()
		require.Equal(t, c.want, string(o.notes["kmsg"]), name)
		require.Equal(t, c.want != c.kmsg, o.logged, name)
	}
	o := observed(t, false)
	o.addLog()
	require.Empty(t, o.notes, "a log that nobody could watch")
}

// Nobody is asked to type where nobody may be, where an earlier worker has asked,
// and where nothing may wait for the answer.
func TestAskInput(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *observation)
		err    string
	}{
		"a program":           {func(o *observation) { o.pid1 = false }, ""},
		"an earlier worker":   {func(o *observation) { o.kept = notes{note.Name(new(console.InputNote)): nil} }, ""},
		"a dead timer":        {func(o *observation) { o.dead = true }, errDead.Error()},
		"a worker lost by it": {func(o *observation) { o.lost = map[string]string{"trial input": "hung for 15s"} }, "hung for 15s"},
		"no terminals":        {func(o *observation) {}, "open sys/class/tty: file does not exist"},
	} {
		o := observed(t, false)
		o.root, o.pid1 = fstest.MapFS{}, true
		c.change(o)
		asked, err := o.askInput()
		require.Empty(t, asked, name)
		if c.err == "" {
			require.NoError(t, err, name)
		} else {
			require.EqualError(t, err, c.err, name)
		}
	}
}

// The modules of the firmware are loaded last. The note is kept for the next worker
// when none is left, and a worker that finds it loads nothing.
func TestLoadModulesOfTheFirmwareLast(t *testing.T) {
	root := atHand()
	root["sys/firmware/efi/systab"] = &fstest.MapFile{}
	o := observed(t, false)
	o.root, o.uefi = root, true
	o.loadModules()
	var loaded []string
	o.modules.insertFile = func(name string) error {
		loaded = append(loaded, filepath.Base(name))
		return nil
	}
	records := func() int {
		all, err := o.journal.records()
		require.NoError(t, err)
		return len(all)
	}
	require.Contains(t, string(o.notes["modules"]), "idle efivarfs\n")
	require.Zero(t, records(), "some are left")
	o.loadLeft("efivarfs")
	require.Contains(t, string(o.notes["modules"]), "loaded efivarfs\n")
	require.Zero(t, records())
	o.loadLeft("rtc_efi")
	require.Equal(t, []string{"efivarfs.ko", "rtc-efi.ko"}, loaded)
	require.Equal(t, 1, records())

	next := observed(t, false)
	next.kept = notes{"modules": o.notes["modules"]}
	next.loadModules()
	next.loadLeft("efivarfs")
	require.Nil(t, next.modules)
	require.Equal(t, o.notes["modules"], next.notes["modules"])

	lost := observed(t, false)
	lost.root, lost.lost = root, map[string]string{lookAt(new(kernel.ModulesNote)): "hung for 15s"}
	lost.loadModules()
	require.Equal(t, "error hung for 15s\n", string(lost.notes["modules"]))
}

// Each risky trial is left out if the parameters leave out what rests on it, and its
// note says so.
func TestRisksAreLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		try  func(o *observation)
		note note.Note
	}{
		"tpm":       {tryTPM, new(tpm.Note)},
		"ports":     {tryPorts, new(console.PortsNote)},
		"network":   {tryNetwork, new(network.Note)},
		"image":     {recordImage, new(image.Note)},
		"variables": {func(o *observation) { o.mountVariables() }, nil},
	} {
		o := observed(t, false)
		o.root, o.uefi = fstest.MapFS{}, true
		o.chosen.Skip = suite.FindRisk(name).Skip
		if name == "variables" {
			o.chosen.Skip = suite.FindRisk("mounts").Skip
		}
		c.try(o)
		require.Len(t, o.notes, 1, name)
		if c.note != nil {
			require.Equal(t, "error "+errLeftOut.Error()+"\n", string(o.notes.of(c.note)), name)
		}
	}
	o := observed(t, false)
	o.root, o.pid1, o.chosen.Skip = fstest.MapFS{}, true, suite.FindRisk("offline").Skip
	o.tryOffline()
	require.False(t, o.notes.has(new(cpu.Offline)), "no CPU is switched")
}

// Without UEFI no disk was booted from, whether or not there are any.
func TestRecordImageWithoutUEFI(t *testing.T) {
	disk := "sys/block/vda/"
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	for want, root := range map[string]fstest.MapFS{
		"none no-disk\n": {},
		"none no-uefi\n": {disk + "device/driver": {Data: []byte("../../virtio_blk"), Mode: os.ModeSymlink}, disk + "size": file("8\n"),
			disk + "queue/logical_block_size": file("512\n"), disk + "ro": file("0\n"), disk + "removable": file("0\n")},
	} {
		o := observed(t, false)
		o.root = root
		recordImage(o)
		require.Equal(t, want, string(o.notes["image"]))
	}
}

// A note that could not be taken is kept with its error, for this worker and the
// next one.
func TestNoteIsKept(t *testing.T) {
	o := observed(t, false)
	var n tpm.Note
	o.look(&n, func() error { return errors.New("no TPM") })
	require.Equal(t, "error no TPM\n", string(o.notes.of(&n)))
	records, err := o.journal.records()
	require.NoError(t, err)
	require.Equal(t, []record{{kindNote, "tpm", []byte("error no TPM\n")}}, records)
	step, _ := o.journal.doing()
	require.Equal(t, "look tpm", step)

	next := observed(t, false)
	next.kept = notes{"tpm": []byte("family \"2.0\"\n")}
	next.look(&n, func() error { panic("it was taken before") })
	require.Equal(t, "family \"2.0\"\n", string(next.notes.of(&n)))
}

// Each device of the tree and of ACPI's namespace is asked for by its modalias, but
// not those that are disabled.
func TestDescribed(t *testing.T) {
	l := newLoader(fstest.MapFS{
		"sys/bus/acpi/devices/LNRO0005:00/path": {}, "sys/bus/acpi/devices/ARMH0011:00/path": {},
	}, nil)
	require.ElementsMatch(t, []string{"acpi:LNRO0005:", "acpi:ARMH0011:"}, l.described())
	require.ErrorContains(t, l.err, "no list of modules: open "+path.Join(moduleTree(), "modules.dep"))
	require.Empty(t, newLoader(fstest.MapFS{}, nil).described())
	require.NotEmpty(t, strings.TrimPrefix(moduleTree(), "lib/modules/"))
}
