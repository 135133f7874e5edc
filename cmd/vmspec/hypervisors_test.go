package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/results"
)

// hypervisorRuns are the targets with a hypervisor of their own, and their variants.
var hypervisorRuns = []struct {
	name, target string
	args         []string
	untold       []string // what cannot be told there
}{
	{"xen-dom0", "xen-dom0", nil, []string{"PLAT-HOTPLUG-BUS"}}, // no PV device, which Xen plugs
	{"xen-dom0less", "xen-dom0less", []string{"--cpus", "2"}, nil},
	{"xen-domu", "xen-domu", []string{"--cpus", "2", "--needs", "hotplug-block,hotplug-net"}, nil},
	{"kvm-qemu", "kvm-qemu", nil, nil},
	{"kvm-qemu-gicv2", "kvm-qemu", []string{"--gic", "2"}, nil},
	{"kvm-qemu-uefi", "kvm-qemu-uefi", nil, nil},
	{"kvm-qemu-acpi", "kvm-qemu-acpi", nil, nil},
	{"kvm-qemu32", "kvm-qemu32", nil, []string{"PLAT-HOTPLUG-BUS"}}, // its kernel has no pciehp
}

// Each boots to a whole report, by which nothing that the specification does not let
// a hypervisor lack is missed. The logs and records are kept for whoever publishes
// them.
func TestHypervisors(t *testing.T) {
	canBoot(t)
	keep := os.Getenv("VMSPEC_HYPERVISORS")
	if keep == "" {
		t.Skip("boots Xen and KVM: make hypervisors sets VMSPEC_HYPERVISORS")
	}
	for _, r := range hypervisorRuns {
		t.Run(r.name, func(t *testing.T) {
			dir := filepath.Join(keep, r.name)
			require.NoError(t, os.MkdirAll(dir, 0o755))
			to, err := target.Find(r.target)
			require.NoError(t, err)
			args := append([]string{"run", r.target, "--guest", filepath.Join("..", "..", "build", arch(to)), "--log", filepath.Join(dir, "console.log")}, r.args...)
			_, stdout, stderr := vmspec(t, args...)
			report := parse(t, stdout)
			var untold []string
			for id, verdict := range unmet(report) {
				if verdict == results.Error {
					untold = append(untold, id)
				}
			}
			require.ElementsMatch(t, r.untold, untold)
			require.Equal(t, results.Pass, point(report, "PLAT-TIMER").Verdict, stderr)
			for id, without := range map[string]bool{"PLAT-XEN-FRONTENDS": strings.HasPrefix(r.name, "kvm"), "PLAT-VIRTIO-MODERN": strings.HasPrefix(r.name, "xen-dom")} {
				if without {
					require.Equal(t, results.Skip, point(report, id).Verdict, id)
				}
			}
			if r.target != "xen-domu" {
				return
			}
			for _, id := range plugIDs {
				require.Equal(t, results.Pass, point(report, id).Verdict, stdout+stderr)
			}
		})
	}
}
