package target_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
)

func TestEnv(t *testing.T) {
	t.Setenv("GLIBC_TUNABLES", "")
	require.Equal(t, []string{"GLIBC_TUNABLES=glibc.malloc.hugetlb=1"}, target.Env())
	t.Setenv("GLIBC_TUNABLES", "glibc.malloc.check=3")
	require.Empty(t, target.Env())
}
