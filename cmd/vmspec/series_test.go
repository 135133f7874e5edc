package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/results"
	"vmspec/suite"
)

func TestSeriesParts(t *testing.T) {
	s := series{watchFlags: &watchFlags{boots: 2, log: "a/vm.log"}, dir: "d", template: "vars"}
	parts := s.parts()
	require.Len(t, parts, 3)
	for i, p := range parts {
		require.Equal(t, parts[0].Nonce, p.Nonce)
		require.Equal(t, []int{i + 1, 3}, []int{p.Boot, p.Of})
		require.Equal(t, []string{"vm.log", "vm.boot2.log", "vm.boot3.log"}, p.Logs)
		require.Equal(t, i == 2, p.Fresh)
		require.Equal(t, i == 0, p.resets == 1)
	}
	require.Equal(t, parts[0].store, parts[1].store)
	require.NotEqual(t, parts[0].store, parts[2].store)
	require.Equal(t, "vmspec.series="+parts[0].Nonce+"/1/3 vmspec.after=reboot", parts[0].parameters())
	require.Equal(t, "vmspec.series="+parts[0].Nonce+"/2/3", parts[1].parameters())
	last, err := checkAppend(parts[2].parameters())
	require.NoError(t, err)
	require.True(t, last.Series.Last(), "it removes what it finds")
	require.NotEqual(t, parts[0].Nonce, last.Series.Nonce, "it need not find anything")

	s.template = ""
	require.Len(t, s.parts(), 2, "nothing would be fresh")
	s.image = true
	require.Len(t, s.parts(), 3)
	require.Empty(t, s.parts()[2].store)
}

func TestSeriesLog(t *testing.T) {
	for _, c := range []struct {
		log  string
		boot int
		want string
	}{{"a/vm.log", 1, "a/vm.log"}, {"a/vm.log", 2, "a/vm.boot2.log"}, {"a.b/vm", 3, "a.b/vm.boot3"}} {
		require.Equal(t, c.want, seriesLog(c.log, c.boot))
	}
}

func TestResetOf(t *testing.T) {
	asked := &part{resets: 1}
	for name, c := range map[string]struct {
		part *part
		out  vmm.Outcome
		want string
	}{
		"no reset":             {asked, vmm.Outcome{}, ""},
		"it came back":         {nil, vmm.Outcome{Reset: true, CameBack: true, Killed: true}, "came-back"},
		"QEMU with -no-reboot": {nil, vmm.Outcome{Reset: true}, ""},
		"not this boot":        {&part{}, vmm.Outcome{Reset: true}, ""},
		"it ended":             {asked, vmm.Outcome{Reset: true}, "ended"},
		"it stood still":       {asked, vmm.Outcome{Reset: true, Killed: true, Reason: vmm.Lasted}, "hung"},
		"interrupted":          {asked, vmm.Outcome{Reset: true, Killed: true, Reason: "interrupted"}, ""},
	} {
		require.Equal(t, c.want, c.part.resetOf(&c.out), name)
	}
}

func TestPartRecords(t *testing.T) {
	var none *part
	none.begin(&vmm.Run{})
	require.Nil(t, none.end(&vmm.Outcome{}))

	store := filepath.Join(t.TempDir(), "store")
	require.NoError(t, os.WriteFile(store, []byte("a"), 0o600))
	p := &part{store: store, resets: 1}
	var r vmm.Run
	p.begin(&r)
	require.Equal(t, 1, r.Resets)
	require.NoError(t, os.WriteFile(store, []byte("b"), 0o600))
	s := p.end(&vmm.Outcome{})
	require.True(t, s.Ended && s.Store.Written())
	require.Len(t, s.Store.Before, 64)
	require.NoError(t, os.Remove(store))
	require.Equal(t, "unreadable", p.end(&vmm.Outcome{}).Store.After)
	require.False(t, p.end(&vmm.Outcome{Left: true}).Ended, "what the command started may still be there")

	p = &part{}
	p.begin(&vmm.Run{Command: []string{"qemu", "-bios", "x"}})
	require.Equal(t, "-bios", p.Without)
}

func TestCopySparsely(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for name, data := range map[string][]byte{
		"empty": {}, "zeros": make([]byte, 200<<10), "a tail of zeros": append([]byte("x"), make([]byte, 100<<10)...),
		"a hole": append(append([]byte("x"), make([]byte, 130<<10)...), 'y'),
	} {
		require.NoError(t, os.WriteFile(from, data, 0o400))
		require.NoError(t, copySparsely(from, to), name)
		got, err := os.ReadFile(to)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, got), name)
		require.NoError(t, os.Remove(from))
	}
	require.ErrorIs(t, copySparsely(from, to), os.ErrNotExist)
}

// needSeries is needBoot for what only make series boots.
func needSeries(t *testing.T) {
	t.Helper()
	if os.Getenv("VMSPEC_SERIES") == "" {
		t.Skip("powers VMs on several times: make series")
	}
	needBoot(t)
}

// A store on a file persists, and is the VM's own; the log is read again as it was.
func TestBootSeries(t *testing.T) {
	t.Parallel()
	needBoot(t)
	log := filepath.Join(t.TempDir(), "vm.log")
	status, stdout, stderr := vmspec(t, "run", "qemu-virt-uefi", "--guest", guestDir, "--boots", "2", "--log", log, "--", "-device", "pcie-root-port")
	require.Equal(t, results.Conformant, status, stderr)
	report := parse(t, stdout)
	for _, id := range []string{"FW-ENV-PERSIST", "FW-VAR-PERSIST", "FW-VAR-INSTANCE", "PLAT-PSCI-OFF", "PLAT-PSCI-RESET"} {
		require.Equal(t, results.Pass, point(report, id).Verdict, id)
	}
	for _, p := range report.Points {
		require.False(t, p.Must() && results.Point.Needs(p) && p.Reason != suite.ReasonNoImage && p.Reason != suite.ReasonNoOS, "%s is open: %s", p.ID, p.Reason)
	}
	require.Equal(t, map[string]results.Verdict{"PLAT-SMCCC": results.Fail}, unmet(report), "its root port takes hotplug")
	again, logged, stderr := vmspec(t, "report", "--strict", log)
	require.Equal(t, status, again, stderr)
	require.Equal(t, report.Lines, parse(t, logged).Lines)
}

// Each way to lose a variable is missed with its own reason.
func TestBootSeriesOfBadStores(t *testing.T) {
	f, err := target.Target{UEFI: true}.Firmware().Find("")
	require.NoError(t, err)
	flash := func(more string) []string {
		return []string{"-drive", "if=pflash,format=raw,readonly=on,file=" + f.Code, "-drive", "if=pflash,format=raw,file={store}" + more}
	}
	qemu := func(t *testing.T, more ...string) []string {
		args := direct(t, append(more, "-serial", "stdio", "-machine", "acpi=off")...)
		for i, a := range args {
			switch a {
			case "-no-reboot":
				args[i] = "-nodefaults"
			case target.Emulated:
				args[i] += " {append}"
			}
		}
		return append([]string{target.Binary}, args...)
	}
	const bios = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
	for name, c := range map[string]struct {
		command []string
		store   bool
		problem []string
	}{
		"on a copy that is thrown away": {qemu(t, flash(",snapshot=on")...), true, []string{"nothing was written into the store's file", "over a reset it was kept"}},
		"in memory":                     {qemu(t, "-bios", bios), false, []string{"by -bios the VMM has no file for the store", "over a reset it was kept"}},
		"put back at each start": {append([]string{"sh", "-c", "cp " + f.Vars + ` "$VMSPEC_STORE"; exec "$@"`, "sh"}, qemu(t, flash("")...)...), true,
			[]string{"the firmware lost the variable, or whoever started the VM put the file back", "over a reset it was kept"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needSeries(t)
			args := []string{"run", "exec", "--boots", "2"}
			if c.store {
				args = append(args, "--store", f.Vars)
			}
			status, stdout, stderr := vmspec(t, append(append(args, "--"), c.command...)...)
			require.Equal(t, results.Conformant, status, stderr)
			p := point(parse(t, stdout), "FW-VAR-PERSIST")
			require.Equal(t, results.Fail, p.Verdict)
			for _, part := range c.problem {
				require.Contains(t, p.Problem, part)
			}
			require.Equal(t, c.store, point(parse(t, stdout), "FW-VAR-INSTANCE").Verdict == results.Pass)
		})
	}
	t.Run("in a flash that cannot be written", func(t *testing.T) {
		t.Parallel()
		needSeries(t)
		command := qemu(t, flash(",readonly=on")...)
		status, stdout, stderr := vmspec(t, append([]string{"run", "exec", "--boots", "2", "--store", f.Vars, "--"}, command...)...)
		require.Equal(t, results.CouldNotTell, status)
		require.Empty(t, stdout)
		require.Contains(t, stderr, "the firmware crashed: Synchronous Exception")
	})
}

// U-Boot sets no variable at run time; AAVMF keeps what an image's guest sets apart from
// the image.
func TestBootSeriesOfImages(t *testing.T) {
	for to, want := range map[string]map[string]results.Verdict{
		"qemu-uboot": {"FW-VAR-PERSIST": results.Fail, "FW-ENV-PERSIST": results.Skip},
		"qemu-image": {"FW-VAR-PERSIST": results.Pass, "FW-VAR-INSTANCE": results.Pass, "IMG-REMOVABLE": results.Pass},
	} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			needSeries(t)
			before := digest(t, imageFile)
			_, stdout, stderr := vmspec(t, "run", to, "--image", imageFile, "--boots", "2")
			report := parse(t, stdout)
			for id, verdict := range want {
				require.Equal(t, verdict, point(report, id).Verdict, id+stderr)
			}
			if to == "qemu-uboot" {
				require.Equal(t, "no boot could leave a variable: efivarfs is read-only: the firmware has no SetVariable at run time", problem(report, "FW-VAR-PERSIST"))
			}
			require.Equal(t, before, digest(t, imageFile), "the run changed the image")
		})
	}
}
