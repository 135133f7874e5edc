package suite

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
	"vmspec/suite/mutants"
)

// A mutant is a captured guest that is broken in one known way, with the
// verdicts and parts of the problems that must follow. Nearly all are rows of the
// table; the others need more than its words can say.
type mutant struct {
	name    string
	guest   string
	profile Profile // rfc-v2 if empty
	change  change
	want    map[string]Verdict // of those that differ from the whole guest
	problem map[string]string
}

// allMutants are those of the table and of every chapter.
func allMutants(t testing.TB) []mutant {
	return slices.Concat(
		tableMutants(t), imageMutants(), descriptionMutants, descriptionCompleteMutants, platformMutants, gicMutants,
		treeMutants(t), pauseMutants, pciMutants, virtioMutants, xenMutants,
	)
}

// tableMutants are the rows of the table that change a captured guest.
func tableMutants(t testing.TB) (out []mutant) {
	rows, err := mutants.Rows()
	require.NoError(t, err)
	for _, r := range rows {
		if r.Guest == "" {
			continue
		}
		m := mutant{name: r.Name, guest: r.Guest, profile: Profile(r.Profile), want: r.Expected(), problem: map[string]string{}}
		m.change = row{r, nil}.change(t)
		for _, list := range []map[string]mutants.Expected{r.Finds, r.With, r.Also} {
			for id, e := range list {
				m.problem[id] = e.Text
			}
		}
		out = append(out, m)
	}
	return out
}

func TestMutants(t *testing.T) {
	for _, m := range allMutants(t) {
		t.Run(m.name, func(t *testing.T) {
			profile := m.profile
			if profile == "" {
				profile = RFCv2
			}
			files := guesttest.Open(t, m.guest)
			whole := verdicts(JudgeBy(Settings{Profile: profile}, "arm64", probes.Read(files)))
			broken := verdicts(JudgeBy(Settings{Profile: profile}, "arm64", probes.Read(m.change(t, files))))
			differ := map[string]Verdict{}
			for id, f := range broken {
				if f.Verdict != whole[id].Verdict && !isOwed(whole[id], f) {
					differ[id] = f.Verdict
				}
			}
			require.Equal(t, m.want, differ)
			for id, part := range m.problem {
				require.Contains(t, said(broken[id]), part, id)
			}
		})
	}
}

func verdicts(j Judgement) map[string]Finding {
	out := map[string]Finding{}
	for _, res := range j.Results {
		out[res.ID] = res.Finding
	}
	return out
}

// isOwed tells whether a point differs only since the kernel is that of an OS under
// test: such a kernel passes by what the suite's own kernel is not judged by.
func isOwed(before, after Finding) bool {
	return before.Verdict == Skip && before.Problem == ReasonNoOS && after.Verdict == Pass
}

func with(base map[string]Verdict, more map[string]Verdict) map[string]Verdict {
	out := maps.Clone(base)
	maps.Copy(out, more)
	return out
}

func fails(ids ...string) map[string]Verdict {
	out := map[string]Verdict{}
	for _, id := range ids {
		out[id] = Fail
	}
	return out
}

// Every check must be seen to fail in a test.
func TestEveryCheckCanFail(t *testing.T) {
	failed := map[string]bool{}
	for id, f := range verdicts(Judge(probes.Read(guesttest.Open(t, directGuest)))) {
		failed[id] = f.Verdict == Fail
	}
	for _, m := range allMutants(t) {
		for id := range maps.Keys(m.want) {
			failed[id] = failed[id] || m.want[id] == Fail
		}
	}
	for id, f := range verdicts(JudgeBy(Settings{Profile: V20}, "arm64", probes.Read(guesttest.Open(t, uefiGuest)))) {
		failed[id] = failed[id] || f.Verdict == Fail // HW-ACPI-UEFI on a guest without
	}
	// A VM that cannot be booted in AArch32 shows nothing.
	failed["PLAT-AARCH32"] = true
	// Only boots that are merged show it: results, TestPersist.
	failed["FW-VAR-PERSIST"] = true
	for _, r := range slices.DeleteFunc(Catalogue(), func(r Requirement) bool { return r.Check == nil }) {
		require.True(t, failed[r.ID], "no test shows %s failing", r.ID)
	}
}
