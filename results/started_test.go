package results

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

func TestStartOf(t *testing.T) {
	for command, want := range map[string]started{
		"/usr/bin/qemu-system-aarch64 -machine virt -kernel Image -initrd x":                     {kernel: "Image"},
		"qemu-system-aarch64 -drive if=pflash,format=raw,readonly=on,file=CODE.fd -kernel Image": {firmware: "CODE.fd", kernel: "Image"},
		"qemu-system-aarch64 -drive if=pflash,file=CODE.fd -drive if=pflash,file=VARS.fd":        {firmware: "CODE.fd"},
		"qemu-system-aarch64 -drive file=a,,b.fd,if=pflash":                                      {firmware: "a,b.fd"},
		"qemu-system-aarch64 -bios u-boot.bin -drive if=none,file=disk":                          {firmware: "u-boot.bin"},
		"qemu-system-aarch64 --bios=u-boot.bin":                                                  {firmware: "u-boot.bin"},
		"qemu-system-aarch64 -machine virt,pflash0=code":                                         {firmware: "code"},
		"/usr/libexec/qemu-kvm -M virt,firmware=CODE.fd":                                         {firmware: "CODE.fd"},
		"qemu-system-aarch64 -device loader,file=stub,addr=0 -kernel Image":                      {},
		"qemu-system-aarch64 -readconfig vm.cfg -kernel Image":                                   {},
		"qemu-system-aarch64 -drive if=virtio,file=disk.img":                                     {},
		"qemu-system-aarch64 -kernel":                                                            {},
		"lkvm run -k Image -i initrd":                                                            {kernel: "Image"},
		"lkvm run --firmware KVMTOOL_EFI.fd":                                                     {firmware: "KVMTOOL_EFI.fd"},
		"cloud-hypervisor --firmware CLOUDHV_EFI.fd --disk path=a":                               {firmware: "CLOUDHV_EFI.fd"},
		"cloud-hypervisor --kernel CLOUDHV_EFI.fd":                                               {},
		"./boot.sh -kernel Image":                                                                {},
		"sh -c qemu-system-aarch64":                                                              {},
	} {
		require.Equal(t, want, startOf(strings.Fields(command)), command)
	}
	require.Zero(t, startOf(nil))
}

// What ran first is known by what the VMM was given and by what the guest saw.
func TestObserveFirst(t *testing.T) {
	firmware := []string{"qemu-system-aarch64", "-bios", "dir/CODE.fd"}
	kernel := []string{"qemu-system-aarch64", "-kernel", "Image"}
	for name, test := range map[string]struct {
		command []string
		uefi    Verdict
		want    Verdict
		text    string
	}{
		"firmware":                  {firmware, Pass, Pass, "the VMM starts firmware: CODE.fd"},
		"firmware without UEFI":     {firmware, Fail, Fail, "the VMM starts CODE.fd, and the guest was not started by UEFI"},
		"a kernel":                  {kernel, Fail, Fail, "the VMM starts the kernel itself: Image"},
		"firmware given as kernel":  {kernel, Pass, Skip, ""},
		"nobody knows the guest":    {firmware, Error, Skip, ""},
		"nobody knows the VMM":      {[]string{"boot.sh"}, Pass, Skip, ""},
		"a script without firmware": {[]string{"boot.sh"}, Fail, Skip, ""},
	} {
		r := withPoints("a", Point{ID: "FW-UEFI-BOOT", Verdict: test.uefi}, Point{ID: "FW-UEFI-FIRST", Verdict: Skip, Reason: "needs-host"})
		require.NoError(t, r.Observe(&HostRun{Command: test.command}), name)
		p := r.Points[1]
		require.Equal(t, test.want, p.Verdict, name)
		require.Equal(t, test.text, p.Found+p.Problem, name)
		require.Equal(t, test.want == Fail, p.Follows == "FW-UEFI-BOOT", name)
	}
}

// What the host's processor lacks is not missed, by any profile.
func TestObserveLacks(t *testing.T) {
	r := withPoints("a", Point{ID: "PLAT-AARCH32", Verdict: Skip, Reason: "needs-aarch32"}, Point{ID: "PLAT-GIC", Verdict: Pass})
	r.Appendix = &report.Appendix{Points: []Point{{ID: "PLAT-GIC-COMPATIBLE", Verdict: Skip, Reason: "needs-host"}}}
	require.NoError(t, r.Observe(&HostRun{Lacks: []string{"gicv2"}}))
	require.Equal(t, "needs-aarch32", r.Points[0].Reason)
	require.Equal(t, "host-lacks-gicv2", r.Appendix.Points[0].Reason)
	require.NoError(t, r.Observe(&HostRun{Lacks: []string{"aarch32", "gicv2"}}))
	require.Equal(t, "host-lacks-aarch32", r.Points[0].Reason)
	passed := withPoints("a", Point{ID: "PLAT-AARCH32", Verdict: Pass})
	require.NoError(t, passed.Observe(&HostRun{Lacks: []string{"aarch32"}}))
	require.Equal(t, Pass, passed.Points[0].Verdict)
}

// By v2.0 both GICs are asked, as far as every boot's host has them.
func TestMergeOnHostsThatLack(t *testing.T) {
	one := func(name, found string, lacks ...string) boot {
		r := withPoints("a", Point{ID: "PLAT-GIC", Verdict: Pass, Found: found, Level: report.Must},
			Point{ID: "PLAT-GIC-COMPATIBLE", Verdict: Skip, Reason: "host-lacks-gicv2", Level: report.Recommended})
		r.Profile, r.Lacks = asksBothGICs, lacks
		return newBoot(Boot{name, r})
	}
	decided := func(id string, all ...boot) Point { return (&Merged{}).decide(all, id) }
	p := decided("PLAT-GIC", one("v3", "GICv3 with 2 CPUs", "gicv2"))
	require.Equal(t, Pass, p.Verdict)
	require.Equal(t, "GICv3 with 2 CPUs; the host has no GICv2", p.Found)
	require.Equal(t, "needs-gicv2", decided("PLAT-GIC", one("v3", "GICv3 with 2 CPUs")).Reason)
	require.Equal(t, "needs-gicv2", decided("PLAT-GIC", one("a", "GICv3", "gicv2"), one("b", "GICv3")).Reason)
	require.Equal(t, Pass, decided("PLAT-GIC", one("v2", "GICv2 with 1 CPU", "gicv3")).Verdict)
	require.Equal(t, "needs-gicv3", decided("PLAT-GIC", one("v2", "GICv2 with 1 CPU", "gicv2")).Reason)
	require.Equal(t, Skip, decided("PLAT-GIC-COMPATIBLE", one("v3", "GICv3", "gicv2")).Verdict)
}

// Any words may be a command.
func FuzzStartOf(f *testing.F) {
	f.Add("qemu-system-aarch64\x00-drive\x00if=pflash,file=a,,b")
	f.Fuzz(func(t *testing.T, words string) {
		s := startOf(strings.Split(words, "\x00"))
		require.LessOrEqual(t, len(s.firmware)+len(s.kernel), 2*len(words))
	})
}
