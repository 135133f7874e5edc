package probes

import (
	"go/format"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/console"
	"vmspec/probes/cpu"
	"vmspec/probes/disk"
	"vmspec/probes/efi"
	"vmspec/probes/entropy"
	"vmspec/probes/guest/guesttest"
	"vmspec/probes/hotplug"
	"vmspec/probes/image"
	"vmspec/probes/kernel"
	"vmspec/probes/memory"
	"vmspec/probes/network"
	"vmspec/probes/note"
	"vmspec/probes/rtc"
	"vmspec/probes/smbios"
	"vmspec/probes/timer"
	"vmspec/probes/tpm"
)

func ref[T any](v T) *T { return &v }

// free is a note of free text that has some.
func free(n *note.FreeText, text string) *note.FreeText {
	n.Text = text
	return n
}

// notes has every note of a guest, with all of its rows, and its text.
var notes = []struct {
	note note.Note
	text string
}{
	{&timer.Agreement{Counter: "cntvct", Hz: 1000, Alone: timer.Readings{Count: 5, Backward: 1, Worst: 2},
		Pairs: []timer.Pair{{A: 0, B: 1, Readings: timer.Readings{Count: 7}}, {A: 0, B: 2, Readings: timer.Readings{Count: 8, Backward: 3, Worst: 4}}}},
		`counter cntvct 1000
reads 5 backward 1 worst 2
pair 0 1 handovers 7 backward 0 worst 0
pair 0 2 handovers 8 backward 3 worst 4
`},
	{free(kernel.ArchNote(), "arm64\n"), "arm64\n"},
	{&rtc.Note{Watched: "rtc0", Counter: "cntvct", Hz: 1000, Edges: []rtc.Edge{{Seconds: -5, Earliest: 1, Latest: 2}, {Seconds: -4, Earliest: 1001, Latest: 1003}},
		Stuck: &rtc.Stuck{Seconds: -4, Ticks: 3000}}, `rtc rtc0
counter cntvct 1000
edge -5 1 2
edge -4 1001 1003
stuck -4 3000
`},
	{free(kernel.ContextNote(), "pid1\n"), "pid1\n"},
	{&timer.CounterNote{Frequency: ref(uint64(1000)), Start: &timer.Start{Before: 7, After: 9, Ticks: 20}, Pace: &timer.Pace{Least: 19, Most: 21, Nanoseconds: 20_000_000},
		Reads: &timer.Reads{Count: 5, Backward: 1, CPUs: 2}}, `cntfrq 1000
interrupts 7 9 20
pace 19 21 20000000
reads 5 backward 1 cpus 2
`},
	{&disk.Note{Disks: []disk.Trial{{Name: "vda", Open: "ok", Reads: []disk.Reading{{Result: "ok"}, {Offset: 512, Result: "short 100"}}}, {Name: "vdb", Open: "EACCES permission denied"}}}, `open vda ok
read vda 0 ok
read vda 512 short 100
open vdb EACCES permission denied
`},
	{&efi.TableNote{Address: 0x5fd00018, Revision: ref(uint32(0x20046)), Vendor: "EDK II", Tables: []efi.Table{{GUID: efi.DeviceTreeGUID, Address: "0x47ef6000"}}}, `address 0x5fd00018
revision 0x20046
vendor "EDK II"
table b1b621d5-f19c-41a5-830b-d9152c69aae0 0x47ef6000
`},
	{&entropy.Note{Source: "virtio_rng.0", Drawn: &entropy.Drawn{}}, "source virtio_rng.0\nbytes 0 0\n"},
	{&hotplug.Note{Devices: []hotplug.Device{
		{Kind: hotplug.Block, Nonce: "7f3a9c21", Seconds: 30, Asked: "ok", Plug: "done", Came: &hotplug.Came{Name: "vda", Place: "0000:01:00.0", After: 340},
			Reads: []disk.Reading{{Result: "ok"}, {Offset: 1048064, Result: "ok"}}, Mark: hotplug.MarkOurs, Unplug: "done", Gone: ref(uint64(6120))},
		{Kind: hotplug.Net, Nonce: "7f3a9c22", Seconds: 30, Asked: "ok", Plug: "cannot", Others: []hotplug.Other{{Place: "0000:02:00.0", Driver: "none"}}},
		{Kind: "net2", Nonce: "1", Seconds: 30, Asked: "ok", Came: &hotplug.Came{Name: "eth0", Place: "vif-0"}, Up: "ok", Address: "unicast", Carrier: ref(false)},
	}}, `asked block 7f3a9c21 30 ok
plug block done
came block vda 0000:01:00.0 340
block block 0 ok
block block 1048064 ok
mark block ours
unplug block done
gone block 6120
asked net 7f3a9c22 30 ok
plug net cannot
other net 0000:02:00.0 none
asked net2 1 30 ok
came net2 eth0 vif-0 0
up net2 ok
address net2 unicast
carrier net2 0
`},
	{&image.Note{None: image.NoDisk, Boot: &image.Boot{Name: "vda", Size: 1024, Sector: 512, By: image.ByBoot}, Partition: "G", Loader: `\EFI\a b`,
		Blocks: []image.Block{{Length: 512, Data: []byte{1}}, {Offset: 512, Length: 256, Data: []byte{}}}, Unread: []image.Unread{{Offset: 768, Length: 256, Result: "EIO input/output error"}}},
		"none no-disk\ndisk vda 1024 512 BootCurrent\npartition G\nloader \"\\\\EFI\\\\a b\"\nblock 0 512 AQ==\nblock 512 256 \nunread 768 256 EIO input/output error\n"},
	{&console.InputNote{Inputs: []console.Input{{Terminal: "ttyAMA0", Word: "0a1b2c3d", Asked: "ok", Typed: "0a1b2c3d\n"}, {Terminal: "hvc0", Word: "0", Asked: "ENODEV no such device"}}}, `asked ttyAMA0 0a1b2c3d ok
typed ttyAMA0 "0a1b2c3d\n"
asked hvc0 0 ENODEV no such device
`},
	{free(kernel.LogNote(), "[    0.000000] Booting Linux\n"), "[    0.000000] Booting Linux\n"},
	{&kernel.ModulesNote{Loaded: []string{"virtio_pci"}, Idle: []string{"virtiofs", "xenfs"}, Missing: []kernel.Missing{{Name: "tpm_crb", Why: "not at hand"}}}, `loaded virtio_pci
idle virtiofs
idle xenfs
missing tpm_crb not at hand
`},
	{&efi.MarkNote{Read: "ok", Found: &efi.Mark{Nonce: "a", Boot: 1, Token: "0a1b2c3d", Count: 1, After: "reboot"}, Remove: "ok", Write: "ok",
		Left: &efi.Mark{Nonce: "a", Boot: 2, Token: "01234567", Count: 2, After: "poweroff"}},
		"read ok\nfound a 1 0a1b2c3d 1 reboot\nremove ok\nwrite ok\nleft a 2 01234567 2 poweroff\n"},
	{efi.MountsNote(), ""},
	{&network.Note{Interfaces: []network.Trial{{Name: "eth0", Up: "ok", Carrier: ref(true), Ask: "ok", Offer: ref(uint64(0))}, {Name: "eth1", Up: "ok", Carrier: ref(false)}}}, `up eth0 ok
carrier eth0 1
ask eth0 ok
offer eth0 0
up eth1 ok
carrier eth1 0
`},
	{&cpu.Offline{Secondaries: ref(uint64(3)), Tried: []cpu.Switched{{Number: 1, Off: "ok", On: "ok", Ran: ref(uint64(0))}, {Number: 2, Off: "ok", On: "unchanged"}, {Number: 3, Off: "EBUSY device or resource busy"}},
		Log: []string{"[   12.000000] psci: CPU1 may not have shut down cleanly"}}, `secondaries 3
off 1 ok
on 1 ok
ran 1 0
off 2 ok
on 2 unchanged
off 3 EBUSY device or resource busy
log [   12.000000] psci: CPU1 may not have shut down cleanly
`},
	{free(kernel.ParametersNote(), "vmspec.nonce=1\nvmspec.readonly\n"), "vmspec.nonce=1\nvmspec.readonly\n"},
	{&rtc.PauseNote{Device: "rtc0", Nonce: "7f3a9c21", Seconds: 30, Asked: "ok", Answer: "done", Before: &rtc.Clocks{RTC: 5, Wall: 5100}, After: &rtc.Clocks{RTC: 10, Wall: 5300}}, `rtc rtc0
asked 7f3a9c21 30 ok
answer done
before 5 5100
after 10 5300
`},
	{&console.PortsNote{Ports: []console.Port{{Name: "vport1p1", Result: "ok"}, {Name: "vport1p2", Result: "EBUSY device or resource busy"}}}, "port vport1p1 ok\nport vport1p2 EBUSY device or resource busy\n"},
	{&smbios.Note{Version: "3.0.0", Entry: 64, Structures: []smbios.Structures{{Type: 0, Count: 1}, {Type: 127, Count: 1}}}, `version 3.0.0
entry 64
structures 0 1
structures 127 1
`},
	{&timer.TicksNote{Start: &timer.Start{Before: 7, After: 7, Ticks: 100}}, "interrupts 7 7 100\n"},
	{&timer.Note{Dead: true, Counter: "cntvct", Hz: 1000, Baseline: ref(uint64(0)), CPUs: []timer.Woken{{CPU: &timer.CPU{}, Knock: &timer.Knock{Came: 1}},
		{CPU: &timer.CPU{Number: 1, Before: 4, After: 9, Woke: 5}, Shot: &timer.Shot{Number: 1, Ran: 1, Ended: 2, Asked: 12, Took: 13, Others: 3}}}}, `dead
counter cntvct 1000
baseline 0
cpu 0 before 0 after 0 woke 0
knock 0 came 1
cpu 1 before 4 after 9 woke 5
shot 1 ran 1 ended 2 asked 12 took 13 others 3
`},
	{&memory.Touch{Page: 4096, Touched: 8, Wrong: 1, Pieces: []memory.Piece{{Start: 4096, Last: 16383, Pages: 2, Lowest: 4096, Highest: 12288}}}, `page 4096
touched 8 wrong 1
piece 4096 16383 2 4096 12288
`},
	{&tpm.Note{Family: "2.0", Manufacturer: "IBM", Banks: []tpm.Bank{{Algorithm: "sha1"}, {Algorithm: "sha256", PCRs: 24}}}, `family "2.0"
manufacturer "IBM"
bank sha1 0
bank sha256 24
`},
	{&efi.Trial{Space: &efi.Space{Free: 0, Total: 65536}, Stale: "ok", Create: "ok", Read: "ok", Append: "ok", Reread: "differs", Delete: "EIO input/output error"}, `space 0 65536
stale ok
create ok
read ok
append ok
reread differs
delete EIO input/output error
`},
}

// blank is a note of the same kind that has nothing.
func blank(n note.Note) note.Note {
	if f, ok := n.(*note.FreeText); ok {
		return &note.FreeText{Name: f.Name, Doc: f.Doc}
	}
	return reflect.New(reflect.TypeOf(n).Elem()).Interface().(note.Note)
}

// Every note is written, read back and equal, and has all of its rows here.
func TestNotes(t *testing.T) {
	for _, n := range notes {
		t.Run(n.note.Format().Name, func(t *testing.T) {
			require.Equal(t, n.text, string(note.Text(n.note)))
			got := blank(n.note)
			require.NoError(t, note.Parse([]byte(n.text), got))
			require.Equal(t, n.note, got)
			for line := range strings.Lines(note.Usage(n.note)) {
				if word, found := strings.CutPrefix(line, "\t"); found {
					require.Contains(t, "\n"+n.text, "\n"+strings.Fields(word)[0])
				}
			}
			require.Empty(t, note.Text(blank(n.note)), "nothing was measured")
		})
	}
}

// The notes of captured guests are read without an error of ours, and say the
// same when they are written again.
func TestCapturedNotes(t *testing.T) {
	seen := 0
	for name, files := range guesttest.All(t) {
		for _, n := range notes {
			what := n.note.Format().Name
			text, err := files.ReadFile(note.Dir + "/" + what)
			if err != nil {
				continue // older than the note
			}
			seen++
			got := blank(n.note)
			err = note.Parse(text, got)
			again := note.Text(got)
			if err != nil {
				again = append(again, note.Failure(err)...)
			}
			require.Equal(t, lines(string(text), what), lines(string(again), what), "%s of %s", what, name)
		}
	}
	require.Greater(t, seen, 100)
}

// lines are a note's. Those of modules were written in another order.
func lines(text, name string) []string {
	lines := strings.Split(text, "\n")
	if name == "modules" {
		slices.Sort(lines)
	}
	return lines
}

// The comment of package note lists all notes as they are declared.
func TestNotesAreDocumented(t *testing.T) {
	const file, mark = "note/doc.go", "// # The notes\n"
	old, err := os.ReadFile(file)
	require.NoError(t, err)
	head, _, found := strings.Cut(string(old), mark)
	require.True(t, found)
	want := head + mark
	for _, n := range notes {
		usage := strings.TrimSpace(note.Usage(n.note))
		want += "//\n// " + strings.ReplaceAll(usage, "\n\t", "\n//\t") + "\n"
	}
	formatted, err := format.Source([]byte(want + "package note\n"))
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(file, formatted, 0o644))
		old = formatted
	}
	require.Equal(t, string(formatted), string(old), "rewrite it by go test ./probes -run Documented -update")
}
