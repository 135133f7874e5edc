package fdt_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/guest/guesttest"
)

// program is dtc's.
func program(t *testing.T) string {
	t.Helper()
	dtc, err := exec.LookPath("dtc")
	if err != nil && os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("dtc is not installed")
	}
	require.NoError(t, err, "where guests are booted dtc has to be there")
	return dtc
}

// complaints runs dtc over a flattened tree and lists its checks that the tree
// fails, with how often, and whether it read the tree.
func complaints(t *testing.T, blob []byte) (checks map[string]int, read bool) {
	t.Helper()
	cmd := exec.Command(program(t), "-I", "dtb", "-O", "dtb", "-o", os.DevNull)
	cmd.Stdin = bytes.NewReader(blob)
	out, err := cmd.CombinedOutput()
	checks = map[string]int{}
	for line := range strings.Lines(string(out)) {
		for _, kind := range []string{"Warning (", "ERROR ("} {
			if _, behind, ok := strings.Cut(line, kind); ok {
				name, _, _ := strings.Cut(behind, ")")
				checks[name]++
			}
		}
	}
	return checks, err == nil || len(checks) > 0
}

// dtcOnly are the checks of dtc that fail on trees of good guests, whose names begin
// so, and why the suite has no such rule.
var dtcOnly = map[string]string{
	// A unit address is for people: Linux finds no device by it. Xen leaves it
	// out of /hypervisor and /interrupt-controller.
	"unit_address_vs_reg": "xen-",
	// dtc 1.7 takes QEMU's GIC, which gives no #address-cells in older versions,
	// for a fault; Linux takes none there, the specification two.
	"interrupt_map": "",
}

func TestDTCOnGoodTrees(t *testing.T) {
	for name, files := range guesttest.All(t) {
		t.Run(name, func(t *testing.T) {
			blob, err := files.ReadFile(fdt.Path)
			require.NoError(t, err)
			checks, read := complaints(t, blob)
			require.True(t, read)
			for _, check := range slices.Sorted(maps.Keys(checks)) {
				guest, known := dtcOnly[check]
				require.True(t, known && (strings.HasPrefix(name, guest)), "dtc complains by %s, the suite does not", check)
			}
		})
	}
}

// dtcChecks are the checks by which dtc 1.6 finds a broken tree too.
var dtcChecks = map[string]string{
	"two siblings of one name":                              "duplicate_node_names",
	"a property twice":                                      "duplicate_property_names",
	"a blank in a node's name":                              "node_name_chars",
	"a hash and a percent sign in a property's name":        "property_name_chars",
	"a string without its end":                              "model_is_string",
	"phandle 0":                                             "explicit_phandles",
	"a phandle twice":                                       "explicit_phandles",
	"a GPIO of nobody":                                      "gpios_property",
	"a GPIO controller that does not count its cells":       "gpios_property",
	"a GPIO with a cell too few":                            "gpios_property",
	"an alias of nothing":                                   "alias_paths",
	"an interrupt parent that takes none":                   "interrupts_property",
	"an interrupt of two cells":                             "interrupts_property",
	"a GIC with interrupts of two cells":                    "interrupts_property",
	"interrupts-extended of two cells":                      "interrupts_extended_property",
	"an interrupt controller that does not count its cells": "interrupt_provider",
	"a reg of three cells":                                  "reg_format",
	"CPUs with a size":                                      "reg_format",
	"ranges of three cells":                                 "ranges_format",
	"a host bridge without windows":                         "pci_bridge",
}

// dtcBlind are the rules for which dtc 1.6 has no check, and what it would have
// to look at.
var dtcBlind = map[string]string{
	"property-format":  "cells that it does not know by name",
	"status-value":     "values of status",
	"reserve-range":    "memory reservations",
	"phandle-dangling": "interrupt-parent where nothing below has interrupts, and interrupt-map, since dtc 1.7",
	"msi-controller":   "msi-map",
	"interrupt-gic":    "what an interrupt's cells mean",
	"interrupt-map":    "interrupt-map, since dtc 1.7, but not which interrupts are there twice",
	"reg-overlap":      "where devices end",
	"reg-in-memory":    "where devices end",
	"reg-wraps":        "where devices end",
	"reg-outside":      "translation; only the addresses of a simple bus's children against their names",
	"pci-window":       "spaces of PCI",
	"memory-overlap":   "where memory ends",
	"memory-node":      "memory nodes",
	"reserved-memory":  "reserved memory",
	"cpu-double":       "CPUs",
	"cpu-node":         "CPUs",
	"cpu-method":       "CPUs",
	"cpu-map":          "the topology of CPUs",
	"binding":          "bindings; dt-schema does, with the kernel's sources",
}

func TestDTCOnBrokenTrees(t *testing.T) {
	whole, read := complaints(t, fdttest.Encode(captured(t, "qemu-virt-uefi-gicv3")))
	require.True(t, read)
	require.Empty(t, whole)
	for _, b := range fdttest.Breaks {
		t.Run(b.Name, func(t *testing.T) {
			tree := captured(t, "qemu-virt-uefi-gicv3")
			b.Edit(tree)
			checks, _ := complaints(t, fdttest.Encode(tree))
			if check, sees := dtcChecks[b.Name]; sees {
				require.Contains(t, checks, check)
				return
			}
			require.NotEmpty(t, dtcBlind[b.Rule], "dtc does not find it, and nothing says why")
		})
	}
}

// dtc is an independent reader: what it makes of a tree, flattened again by
// it, has as many nodes as we count.
func TestOracleDTC(t *testing.T) {
	dtc := program(t)
	for name, files := range guesttest.All(t) {
		t.Run(name, func(t *testing.T) {
			text, err := files.ReadFile(fdt.Path)
			require.NoError(t, err)
			tree, err := fdt.Parse(text)
			require.NoError(t, err)
			cmd := exec.Command(dtc, "-q", "-I", "dtb", "-O", "dts")
			cmd.Stdin = bytes.NewReader(text)
			source, err := cmd.Output()
			require.NoError(t, err)
			require.Equal(t, bytes.Count(source, []byte(" {\n")), len(tree.Root.All()))
		})
	}
}
