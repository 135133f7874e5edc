package fdt_test

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/guest/guesttest"
)

// theirs are findings of dt-validate that are none of ours, and why.
var theirs = []struct{ text, why string }{
	{"$nodename:", "how a node is called: Linux finds devices by compatible, and every VMM has its own names"},
	{"does not match any of the regexes", "a property or a child's name that the binding does not list: it does no harm"},
	{"Unevaluated properties are not allowed", "likewise"},
	{"False schema does not allow", "a memory node without a unit address: likewise"},
	{"'model' is a required property", "no system reads it"},
	{"'compatible' is a required property", "a schema is chosen by compatible, but for the root's: that is asked by HW-FDT-BOOT, and by no rule"},
	{"-cells' is a required property", "QEMU's GPIO controller passes no interrupts on, so that nobody asks it"},
	{"'interrupt-controller' is a required property", "likewise"},
	{"linux,uefi-", "what the EFI stub adds to /chosen (drivers/firmware/efi/libstub/fdt.c)"},
	{"interrupt-names: 'oneOf'", "the binding lists the names in one order; Linux takes each interrupt by its name"},
	{"interrupts: [[", "cells of an interrupt are counted once, at the controller"},
	{"interrupts: 'oneOf'", "likewise"},
	{"linux,initrd-", "the schema of 2022 allows one cell; Linux reads two (drivers/of/fdt.c, early_init_dt_check_for_initrd)"},
}

// ours are our rules that dt-validate has not, and why.
var ours = map[string]string{
	"alias-dangling":   "it does not follow aliases",
	"binding":          "it compares no size with another property",
	"cpu-double":       "it compares no node with another",
	"cpu-method":       "arm64's enable-method is optional in its schema: Linux starts no CPU without",
	"cpu-node":         "it knows no bits of an affinity",
	"interrupt-gic":    "it reads the cells of an interrupt as numbers",
	"interrupt-map":    "it does not take the map apart",
	"header-version":   "libfdt reads version 16, too",
	"name-characters":  "it knows no rule for the names of nodes without a binding",
	"reserve-end":      "it does not look at the memory reservation block",
	"reserve-range":    "likewise",
	"structure-end":    "its reader takes what is there",
	"memory-overlap":   "it compares no node with another",
	"node-double":      "its reader keeps one node of a name",
	"reg-wraps":        "it adds no numbers",
	"pci-window":       "it does not read the kinds of a bridge's windows",
	"phandle-dangling": "it follows phandles of known types only",
	"phandle-value":    "it asks only that a phandle is a number",
	"property-format":  "it reads a string up to where it ends",
	"reg-in-memory":    "it compares no node with another",
	"reserved-memory":  "it compares no cells with the root's",
}

// A complaint is one finding of dt-validate.
type complaint struct{ node, text string }

// dt-validate, which checks a tree by the bindings of Linux, and our rules find
// the same, or somebody says why not.
func TestDTValidate(t *testing.T) {
	schema := os.Getenv("VMSPEC_DT_SCHEMA")
	if schema == "" {
		t.Skip("runs dt-validate: make consumers sets VMSPEC_DT_SCHEMA")
	}
	both, open, crashes := 0, 0, 0
	trees := oracleTrees(t)
	for name, blob := range trees {
		complaints, crashed := dtValidate(t, schema, blob)
		if crashed {
			t.Logf("%s: dt-validate does not get to its end", name)
			crashes++
			continue
		}
		l := lint(t, blob)
		if l.Malformed != "" {
			continue // what is left of it, each reads in its own way
		}
		findings := l.Findings
		for _, c := range complaints {
			switch {
			case slices.ContainsFunc(findings, c.at):
				both++
			case !c.explained():
				open++
				t.Errorf("%s: only dt-validate: %s: %s", name, c.node, c.text)
			}
		}
		for _, f := range findings {
			if !slices.ContainsFunc(complaints, func(c complaint) bool { return c.at(f) }) && ours[f.Rule] == "" {
				open++
				t.Errorf("%s: only ours: %s at %s: %s", name, f.Rule, f.Path, f.Text)
			}
		}
	}
	t.Logf("%d findings of both, %d not explained, %d trees at which dt-validate broke", both, open, crashes)
	require.NotZero(t, both)
	require.Less(t, crashes, len(trees)/2)
}

// oracleTrees are those of captured guests, of other people, and broken ones.
func oracleTrees(t *testing.T) map[string][]byte {
	out := map[string][]byte{}
	for name, files := range guesttest.All(t) {
		blob, err := files.ReadFile(fdt.Path)
		require.NoError(t, err)
		if !lint(t, blob).Empty {
			out[name] = blob
		}
	}
	foreign, err := filepath.Glob(filepath.Join("..", "testdata", "foreign", "trees", "*.dtb"))
	require.NoError(t, err)
	require.NotEmpty(t, foreign)
	for _, file := range foreign {
		out[path.Base(file)], err = os.ReadFile(file)
		require.NoError(t, err)
	}
	for _, b := range fdttest.Breaks {
		tree := captured(t, "qemu-virt-uefi-gicv3")
		b.Edit(tree)
		out[b.Name] = fdttest.Encode(tree)
	}
	return out
}

// complaintLine is a line of dt-validate: the file, the node with or without its
// compatible, and what is wrong.
var complaintLine = regexp.MustCompile(`^\S+\.dtb: (\S+)(?: \([^)]*\))?: (.*)`)

// dtValidate returns what dt-validate finds, and whether it broke.
func dtValidate(t *testing.T, schema string, blob []byte) (out []complaint, crashed bool) {
	file := filepath.Join(t.TempDir(), "tree.dtb")
	require.NoError(t, os.WriteFile(file, blob, 0o600))
	// Some broken trees let it use up any memory and time.
	text, err := exec.Command("sh", "-c", `ulimit -v 2000000; exec timeout 60 dt-validate -s "$0" "$1"`, schema, file).CombinedOutput()
	if err != nil || strings.Contains(string(text), "Traceback (most recent call last)") {
		return nil, true
	}
	for line := range strings.Lines(string(text)) {
		if m := complaintLine.FindStringSubmatch(line); m != nil {
			out = append(out, complaint{m[1], m[2]})
		}
	}
	return out, false
}

// at tells whether a finding of ours is at the same node, or names it.
func (c complaint) at(f fdt.Finding) bool {
	name := path.Base(f.Path)
	return c.node == f.Path || c.node == name || strings.Contains(f.Text, c.node) || strings.Contains(c.text, name+": ")
}

func (c complaint) explained() bool {
	for _, e := range theirs {
		if strings.Contains(c.text, e.text) {
			return true
		}
	}
	return false
}
