package suite

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/guest"
	"vmspec/probes/guest/guesttest"
)

// ruleOwners are the rules, by the requirement that fails if one is broken.
var ruleOwners = map[string][]string{
	"HW-FDT-STRUCTURE": structureRules, "HW-FDT-PHANDLES": phandleRules, "HW-FDT-INTERRUPTS": interruptRules,
	"HW-FDT-ADDRESSES": addressRules, "HW-FDT-MEMORY": memoryRules, "HW-FDT-CPUS": cpuRules, "HW-FDT-BINDINGS": bindingRules,
}

// ownerOf returns the one requirement that owns a rule.
func ownerOf(t testing.TB, rule string) (id string) {
	t.Helper()
	for owner, rules := range ruleOwners {
		if slices.Contains(rules, rule) {
			require.Empty(t, id, "%s is in two", rule)
			id = owner
		}
	}
	require.NotEmpty(t, id, "nothing judges %s", rule)
	return id
}

// withTrees adds the verdicts on a tree that cannot be judged.
func withTrees(structure, others Verdict, want map[string]Verdict) map[string]Verdict {
	for id := range ruleOwners {
		want[id] = others
	}
	want["HW-FDT-STRUCTURE"] = structure
	return want
}

// addsTPM are trees with a TPM that is not there.
var addsTPM = map[string]map[string]Verdict{"a device outside its bus's window": {"PLAT-TPM": Error}}

// treeMutants are guests whose trees break one rule. The requirement that owns
// the rule fails, and names the rule and the node.
func treeMutants(t testing.TB) []mutant {
	out := slices.Clone(oddTrees)
	for _, b := range fdttest.Breaks {
		id := ownerOf(t, b.Rule)
		out = append(out, mutant{
			name: b.Name, guest: uefiGuest, change: parsed(b.Edit), want: with(map[string]Verdict{id: Fail}, addsTPM[b.Name]),
			problem: map[string]string{id: b.Rule + " at " + b.Path + ": "},
		})
	}
	for _, b := range fdttest.Blobs {
		if b.Rule == "" {
			continue // TestMalformedTrees has these
		}
		ownerOf(t, b.Rule)
		out = append(out, mutant{
			name: b.Name, guest: uefiGuest, change: blob(b.Break), want: map[string]Verdict{"HW-FDT-STRUCTURE": Fail},
			problem: map[string]string{"HW-FDT-STRUCTURE": b.Rule + " at /"},
		})
	}
	return out
}

// blob changes the bytes of a flattened tree.
func blob(f func([]byte) []byte) change {
	return all(parsed(func(*fdt.Tree) {}), func(t testing.TB, files *guest.FS) *guest.FS {
		data, err := files.ReadFile(fdt.Path)
		require.NoError(t, err)
		return files.With(map[string][]byte{fdt.Path: f(data)})
	})
}

// oddTrees break no rule, or are found by requirements of the texts.
var oddTrees = []mutant{
	{
		name: "a tree flattened anew", guest: uefiGuest, change: parsed(func(*fdt.Tree) {}),
		want: map[string]Verdict{},
	},
	{
		name: "more faults than are shown", guest: uefiGuest,
		change: parsed(func(t *fdt.Tree) {
			for _, n := range t.Root.Children {
				if n.Is("virtio,mmio") {
					fdttest.Delete(n, "interrupts")
				}
			}
		}),
		want:    map[string]Verdict{"HW-FDT-BINDINGS": Fail},
		problem: map[string]string{"HW-FDT-BINDINGS": "interrupts: required by virtio,mmio; 29 more"},
	},
}

// A tree that Linux cannot read fails two requirements, and one says why. Others
// judge what could be read, or skip where that is nothing; none cannot tell.
func TestMalformedTrees(t *testing.T) {
	for _, b := range fdttest.Blobs {
		if b.Rule != "" {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			files := blob(b.Break)(t, guesttest.Open(t, uefiGuest))
			got := verdicts(JudgeBy(Settings{Profile: RFCv2}, "arm64", probes.Read(files)))
			require.Equal(t, Fail, got["HW-FDT-STRUCTURE"].Verdict)
			require.Contains(t, got["HW-FDT-STRUCTURE"].Problem, b.Text)
			for id := range ruleOwners {
				if id != "HW-FDT-STRUCTURE" {
					require.Contains(t, []Verdict{Pass, Skip}, got[id].Verdict, id)
				}
			}
			require.Equal(t, Fail, got["HW-FDT-BOOT"].Verdict)
			require.Equal(t, "HW-FDT-STRUCTURE", got["HW-FDT-BOOT"].Follows)
			require.Contains(t, got["HW-FDT-BOOT"].Problem, b.Text)
			for id, f := range got {
				require.False(t, f.Verdict == Error && strings.Contains(f.Problem, "fdt"), id)
			}
		})
	}
}

// Each rule is shown by a tree that breaks it.
func TestEveryRuleIsBroken(t *testing.T) {
	shown := map[string]bool{}
	for _, b := range fdttest.Breaks {
		shown[b.Rule] = true
	}
	for _, b := range fdttest.Blobs {
		shown[b.Rule] = true
	}
	for id, rules := range ruleOwners {
		_, ok := Find(id)
		require.True(t, ok, id)
		for _, rule := range rules {
			require.True(t, shown[rule], rule)
		}
	}
}
