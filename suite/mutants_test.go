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

// codedMutants are those that are no rows of the table.
func codedMutants(t testing.TB) []mutant {
	return slices.Concat(
		imageMutants(), descriptionMutants, descriptionCompleteMutants, platformMutants, gicMutants,
		treeMutants(t), pauseMutants, pciMutants, virtioMutants,
	)
}

func TestMutants(t *testing.T) {
	type machine struct {
		guest   string
		profile Profile
	}
	unbroken := map[machine]map[string]Finding{}
	for _, m := range codedMutants(t) {
		t.Run(m.name, func(t *testing.T) {
			profile := m.profile
			if profile == "" {
				profile = RFCv2
			}
			whole := unbroken[machine{m.guest, profile}]
			if whole == nil {
				whole = verdicts(JudgeBy(Settings{Profile: profile}, "arm64", factsOf(t, m.guest)))
				unbroken[machine{m.guest, profile}] = whole
			}
			files := guesttest.Open(t, m.guest)
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
	for _, m := range codedMutants(t) {
		for id := range maps.Keys(m.want) {
			failed[id] = failed[id] || m.want[id] == Fail
		}
	}
	for _, r := range Catalogue() {
		killers, err := mutants.CaughtBy(r.ID)
		require.NoError(t, err)
		failed[r.ID] = failed[r.ID] || len(killers) > 0
		require.True(t, r.Check == nil || failed[r.ID] || neverFails[r.ID] != "", "no test shows %s failing", r.ID)
	}
}
