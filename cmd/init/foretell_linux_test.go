package main

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/console"
	"vmspec/probes/cpu"
	"vmspec/probes/guest/guesttest"
	"vmspec/probes/kernel"
	"vmspec/probes/note"
	"vmspec/results"
	"vmspec/results/report"
	"vmspec/suite"
)

// foretelling is an observation of a captured guest whose trials are still ahead, and
// what it prints.
func foretelling(t *testing.T, name string) (o *observation, printed func() []string) {
	t.Helper()
	o = observed(t, false)
	files := guesttest.Open(t, name)
	o.root, o.pid1, o.early.files = files, true, files
	_, err := fs.Stat(files, firmwareDir)
	o.uefi = err == nil
	o.chosen = suite.ParseSettings(map[string]string{"nonce": "7f3a9c21"})
	var mu sync.Mutex
	var all []string
	first := ""
	o.early.print = func(device string, lines []string, _ bool) error {
		mu.Lock()
		defer mu.Unlock()
		if first == "" {
			first = device
		}
		if device == first {
			all = append(all, lines...)
		}
		return nil
	}
	return o, func() []string { return all }
}

// heardOf is what a host reads of a guest that said no more than that.
func heardOf(t *testing.T, lines []string, more ...string) *results.Report {
	t.Helper()
	r, err := results.Parse(strings.NewReader(strings.Join(append(slices.Clone(lines), more...), "\n")+"\n"), "")
	require.NoError(t, err)
	require.NoError(t, r.Incomplete)
	return r
}

// The provisional report agrees with the final one, but for what rests on trials, and
// each update closes what its trial has shown.
func TestForetell(t *testing.T) {
	for _, name := range []string{"qemu-virt-gicv2", "qemu-virt-devices", "qemu-virt-uefi-gicv3", "qemu-virt-uefi-devices", "qemu-image"} {
		t.Run(name, func(t *testing.T) {
			o, printed := foretelling(t, name)
			full := suite.JudgeBy(o.chosen, "arm64", probes.Read(o.early.files)).Report()
			o.foretell()
			require.NotEmpty(t, o.early.open)
			open := slices.Clone(o.early.open)
			for _, name := range []string{"", "entropy", "disks", "tpm", "ports", "variables", "mark", "image", "network", "clock", "offline"} {
				if name != "" {
					closed := slices.Clone(suite.FindRisk(name).IDs)
					if name == "clock" {
						closed = append(closed, inputID)
					}
					o.update(name, closed...)
					open = slices.DeleteFunc(open, func(id string) bool { return slices.Contains(closed, id) })
				}
				r := heardOf(t, printed(), "# vmspec: trial x")
				require.Equal(t, "in trial x", r.Stopped)
				for i, p := range r.Points {
					want := full.Points[i]
					if slices.Contains(open, p.ID) {
						require.Equal(t, "the VM stopped in trial x", p.Reason, p.ID)
						continue
					}
					require.Equal(t, []string{want.ID, string(want.Verdict), want.Problem, want.Found}, []string{p.ID, string(p.Verdict), p.Problem, p.Found})
				}
			}
			require.Empty(t, open)
			r := heardOf(t, printed(), full.Wire(1)...)
			require.False(t, r.Provisional(), "the final report replaces it")
		})
	}
}

// The provisional report is small: its guest writes all of it before the final one.
func TestForetellIsSmall(t *testing.T) {
	o, printed := foretelling(t, "qemu-virt-uefi-devices")
	full := len(strings.Join(suite.JudgeBy(o.chosen, "arm64", probes.Read(o.early.files)).Report().Wire(2), "\n"))
	o.foretell()
	first := len(strings.Join(printed(), "\n"))
	require.Less(t, first, 5_000)
	for _, r := range allRisks() {
		o.update(r.name)
	}
	require.Less(t, len(strings.Join(printed(), "\n")), first*5/2)
	require.Less(t, first, full/7)
}

// Nobody is told of trials that are not made.
func TestForetellNothing(t *testing.T) {
	for name, change := range map[string]func(o *observation){
		"a program":         func(o *observation) { o.pid1 = false },
		"a dead timer":      func(o *observation) { o.dead = true },
		"no frames":         func(o *observation) { o.chosen.Frames = 0 },
		"nothing is chosen": func(o *observation) { o.chosen.Only = []string{"PLAT-GIC"} },
		"lost once":         func(o *observation) { o.lost = map[string]string{"foretell": "hung for 25s"} },
	} {
		o, printed := foretelling(t, "qemu-virt-uefi-devices")
		change(o)
		o.foretell()
		o.update("disks")
		require.Empty(t, printed(), name)
	}
}

// A worker that follows a lost one goes on with the next stage.
func TestForetellGoesOn(t *testing.T) {
	o, printed := foretelling(t, "qemu-image")
	o.foretell()
	records, err := o.journal.records()
	require.NoError(t, err)
	require.Equal(t, []record{{kindForetold, "", []byte{}}}, records)
	first := printed()

	o, printed = foretelling(t, "qemu-image")
	o.stage = 1
	o.foretell()
	require.Empty(t, printed(), "it is on the consoles")
	o.update("disks")
	require.Equal(t, 2, o.stage)
	p, _ := heardOf(t, slices.Concat(first, printed())).Point("PLAT-BLOCK-READ")
	require.Equal(t, results.Pass, p.Verdict)
	o.stage = report.MaxStages
	before := len(printed())
	o.update("entropy")
	require.Len(t, printed(), before, "there are no more stages")
}

// A device that nobody drains does not keep the guest from its trials, and gets no
// more.
func TestSendTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(device string, _ []string, _ bool) error {
			switch device {
			case "hvc0":
				time.Sleep(time.Hour)
			case "hvc1":
				return errors.New("ENODEV")
			case "ttyS0":
				time.Sleep(stageRest / 2)
			}
			return nil
		}
		began := time.Now()
		require.Equal(t, []string{"ttyAMA0", "ttyS0"}, sendTo(nil, []string{"hvc0", "hvc1", "ttyAMA0", "ttyS0"}, slow))
		require.Less(t, time.Since(began), stageLimit)
		began = time.Now()
		require.Empty(t, sendTo(nil, []string{"hvc0"}, slow))
		require.Equal(t, stageLimit, time.Since(began))
		time.Sleep(2 * time.Hour) // they end
	})
}

// The trials are those of the suite's list, in its order, but that the network's runs
// beside the clock's.
func TestRisks(t *testing.T) {
	var want, got []string
	for _, r := range suite.Risks {
		want = append(want, r.Name)
	}
	for _, r := range allRisks() {
		got = append(got, r.name)
		known, ok := suite.RiskOf(trialOf(r.note))
		require.True(t, ok, "the host knows the step %q", trialOf(r.note))
		require.Equal(t, r.name, known.Name)
	}
	for _, step := range []string{imageLook, mountsLook} {
		_, ok := suite.RiskOf(step)
		require.True(t, ok, step)
	}
	want = slices.DeleteFunc(want, func(name string) bool { return name == "mounts" }) // the first part of variables
	at := slices.Index(got, "network")
	got[at], got[at+1] = got[at+1], got[at]
	require.Equal(t, want, got)
}

// readFS notes which files are opened.
type readFS struct {
	fs.ReadLinkFS
	read func(name string)
}

func (f readFS) Open(name string) (fs.File, error) {
	f.read(name)
	return f.ReadLinkFS.Open(name)
}

// Who reads a trial's note is read again after the trial.
func TestRiskSubjects(t *testing.T) {
	readers := map[string]map[string]bool{}
	for _, name := range []string{"qemu-virt-devices", "qemu-virt-uefi-devices", "qemu-image", "qemu-virt-uefi-tpm"} {
		subject := ""
		probes.ReadEach(readFS{guesttest.Open(t, name), func(file string) {
			if readers[file] == nil {
				readers[file] = map[string]bool{}
			}
			readers[file][subject] = true
		}}, func(s string) error {
			subject = s
			return nil
		})
	}
	for _, r := range allRisks() {
		for _, subject := range slices.Sorted(maps.Keys(readers[note.Path(r.note)])) {
			if r.name != "disks" || subject != "image" { // which is read after its own note
				require.Contains(t, r.subjects, subject, r.name)
			}
			require.Contains(t, changed, subject, r.name)
		}
	}
	for subject := range readers["proc/interrupts"] {
		require.Contains(t, changed, subject)
	}
	for _, n := range []note.Note{clockRisk.note, new(console.InputNote), offlineRisk.note} {
		require.Subset(t, late(), slices.Collect(maps.Keys(readers[note.Path(n)])), note.Name(n))
	}
}

// While the clock's trial waits, all is read again but what that trial and those behind
// it show. The final facts are those that a reader of everything would find.
func TestCatchUp(t *testing.T) {
	for _, name := range []string{"qemu-virt-devices", "qemu-virt-uefi-devices"} {
		t.Run(name, func(t *testing.T) {
			o, _ := foretelling(t, name)
			o.foretell()
			const logged = "[   12.000000] rtc-efi rtc-efi.0: registered as rtc0\n"
			o.notes.set(kernel.LogNote(), []byte("[    0.000000] Booting Linux\n"))
			o.log = func() string { return logged }
			o.catchUp()
			require.Contains(t, string(o.notes.of(kernel.LogNote())), logged, "what the trials have logged is read")

			o.notes.set(new(cpu.Offline), []byte("secondaries 0\n"))
			o.addLog()
			o.addNotes()
			require.Equal(t, late(), o.stale())
			require.Equal(t, probes.Read(o.early.files), o.finalFacts())

			o.log = func() string { return logged + "[   13.000000] psci: CPU1 killed\n" }
			o.addLog()
			o.addNotes()
			require.Greater(t, len(o.stale()), len(late()), "the log tells of many subjects")
			require.Equal(t, probes.Read(o.early.files), o.finalFacts())
		})
	}
	o, _ := foretelling(t, "qemu-virt-devices")
	o.catchUp()
	require.False(t, o.caughtUp, "nothing was read that could be read again")
}

// What the clock's trial showed goes out before a trial that may stop the VM. Behind
// it the final report is next.
func TestRiskAhead(t *testing.T) {
	online := func(cpus string) fstest.MapFS {
		return fstest.MapFS{"sys/devices/system/cpu/online": {Data: []byte(cpus)}}
	}
	for name, c := range map[string]struct {
		root  fstest.MapFS
		needs []string
		want  bool
	}{
		"one CPU":              {online("0\n"), nil, false},
		"two":                  {online("0-1\n"), nil, true},
		"a host that plugs":    {online("0\n"), []string{report.NeedBlock}, true},
		"who knows which CPUs": {fstest.MapFS{}, nil, true},
	} {
		o := observed(t, false)
		o.root, o.pid1, o.chosen.Needs = c.root, true, c.needs
		require.Equal(t, c.want, o.riskAhead(), name)
	}
}

// A trial is left out if its requirements are, and says so.
func TestLeftOut(t *testing.T) {
	o, _ := foretelling(t, "qemu-virt-uefi-devices")
	o.chosen.Skip = suite.FindRisk("disks").Skip
	tryDisks(o)
	require.Equal(t, "error left out by a parameter\n", string(o.notes["disks"]))
	require.NotContains(t, o.notYet(), "PLAT-BLOCK-READ")
	require.Contains(t, o.notYet(), "PLAT-NET-LINK")
}
