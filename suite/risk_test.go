package suite

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
	"vmspec/probes/note"
)

func TestRisks(t *testing.T) {
	for _, r := range Risks {
		require.NotEmpty(t, r.Steps, r.Name)
		for _, id := range slices.Concat(r.IDs, r.Skip) {
			q, ok := Find(id)
			require.True(t, ok && q.Check != nil, id)
			require.Contains(t, r.IDs, id, r.Name)
		}
		for _, step := range r.Steps {
			found, ok := RiskOf(step + ": UEFI X")
			require.True(t, ok)
			require.Equal(t, r.Name, found.Name)
		}
		require.Equal(t, r, FindRisk(r.Name))
		require.True(t, ParseSettings(nil).Takes(r))
		require.False(t, Settings{Skip: r.Skip}.Takes(r), "the message's words leave it out")
		require.True(t, Settings{Only: r.Skip[:1]}.Takes(r))
	}
	_, ok := RiskOf("judge PLAT-GIC")
	require.False(t, ok)
	r, ok := RiskOf("look input, beside UEFI GetTime")
	require.True(t, ok)
	require.Equal(t, "clock", r.Name)
}

// Without a trial's note only its own requirements are judged otherwise, and those as
// errors.
func TestRisksNameAllThatRestOnThem(t *testing.T) {
	const told = "PLAT-COUNTER" // passes without the clock, and says less
	for _, name := range []string{"qemu-virt-devices", "qemu-virt-uefi-gicv3", "qemu-virt-uefi-devices", "qemu-virt-uefi-tpm", "qemu-image"} {
		base := Judge(probes.Read(guesttest.Open(t, name)))
		for _, r := range Risks {
			files := guesttest.Open(t, name)
			if _, err := fs.Stat(files, note.Dir+"/"+r.Name); err != nil {
				continue
			}
			files.AddFile(note.Dir+"/"+r.Name, note.Failure(errors.New("not judged yet")))
			without := Judge(probes.Read(files))
			for i, result := range without.Results {
				was := base.Results[i]
				if result.ID == told || result.Verdict == was.Verdict && result.Problem == was.Problem {
					continue
				}
				require.Contains(t, r.IDs, result.ID, r.Name)
				require.Equal(t, Error, result.Verdict, result.ID)
			}
		}
	}
}
