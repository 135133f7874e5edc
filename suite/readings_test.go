package suite

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadings(t *testing.T) {
	used := map[int]bool{}
	for _, r := range Catalogue() {
		for _, p := range Profiles() {
			by := r.Readings.By(p)
			clause, _ := r.Clauses.By(p)
			require.False(t, len(by) > 0 && clause.String() == "", "%s by %s: no sentence asks it", r.ID, p)
			require.True(t, slices.IsSorted(by), r.ID)
			for _, n := range by {
				require.LessOrEqual(t, n, ReadingCount(), r.ID)
				used[n] = true
			}
		}
	}
	for n := 1; n <= ReadingCount(); n++ {
		require.True(t, used[n], "nothing rests on reading %d", n)
		require.Regexp(t, `^[A-Z0-9].*\.$`, Reading(n))
		require.GreaterOrEqual(t, len(Reading(n)), shortestText, n)
		require.LessOrEqual(t, len(Reading(n)), longestText, n)
	}
}

func TestClauseBy(t *testing.T) {
	r := Requirement{
		Clauses:  Clauses{RFCv2: Clause{Must, "Firmware", 1}, V10: Clause{Must, "Firmware", 9}, V20: informative},
		Readings: Readings{RFCv2: by{6}},
	}
	require.Equal(t, "Firmware 1, by reading 6", r.ClauseBy(RFCv2))
	require.Equal(t, "Firmware 9", r.ClauseBy(V10))
	require.Empty(t, r.ClauseBy(V20))
	r.Readings.V10 = by{2, 14}
	require.Equal(t, "Firmware 9, by readings 2 and 14", r.ClauseBy(V10))
	require.Equal(t, []int{2, 6, 14}, r.Readings.All())
}

// What a party owes by reading 4 is what a report keeps apart.
func TestReadingOfParties(t *testing.T) {
	for _, r := range Catalogue() {
		if r.Subject == Platform {
			continue
		}
		for _, p := range Profiles() {
			_, asked := r.Clauses.By(p)
			require.Equal(t, asked, slices.Contains(r.Readings.By(p), 4), "%s by %s", r.ID, p)
		}
	}
}
