#!/bin/sh
# Plugs, unplugs and pauses a VM of QEMU's for the guest in it, by QMP.
#
# Start QEMU with a monitor and a free port for each device:
#
#   -qmp unix:vm.qmp,server=on,wait=off
#   -device pcie-root-port,id=port1,chassis=1 -device pcie-root-port,id=port2,chassis=2
#
# and vmspec with
#
#   --on-need 'hotplug-block=adapters/qmp.sh vm.qmp'
#   --on-need 'hotplug-net=adapters/qmp.sh vm.qmp' --on-need 'pause=adapters/qmp.sh vm.qmp'
#
# usage: qmp.sh SOCKET, with what the guest needs in VMSPEC_*: vmspec help hotplug
set -eu

[ $# = 1 ] || { echo 'usage: qmp.sh SOCKET' >&2; exit 3; }

# A shell opens no sockets. vmspec does, by the code with which "run --needs" acts.
exec vmspec qmp "$1"
