package main

import "vmspec/suite"

// onlyV20 is for boots that show what version 2.0 alone asks.
var onlyV20 = []string{string(suite.V20)}

// specificationSet is what the texts need of our own targets: each way to start, each
// GIC, each execution state, a disk image, and for v2.0 both descriptions at once, by
// which GRUB's boots show one in use each. The disk image is booted in a series, whose
// variables persist.
var specificationSet = bootSet{
	Platform: "vmspec",
	Boots: []setBoot{
		{Name: "direct-gicv2", Target: "qemu-virt", Flags: withGIC("2")},
		{Name: "tree-gicv3", Target: "qemu-virt-uefi", Flags: withGIC("3", "--needs", "all")},
		{Name: "acpi-gicv3", Target: "qemu-virt-acpi", Flags: withGIC("3", "--needs", "all"), Profiles: onlyV20},
		{Name: "both-tree", Target: "qemu-virt-both", Flags: withGIC("3"), Profiles: onlyV20},
		{Name: "both-acpi", Target: "qemu-virt-both-acpi", Flags: withGIC("2"), Profiles: onlyV20},
		{Name: "aarch32", Target: "qemu-virt32-uefi"},
		{Name: "image", Target: "qemu-image", Flags: []string{"--boots", "2"}},
	},
}

// withGIC are the flags of a boot with a GIC of that version and two CPUs, and more.
func withGIC(version string, more ...string) []string {
	return append([]string{"--gic", version, "--cpus", "2"}, more...)
}
