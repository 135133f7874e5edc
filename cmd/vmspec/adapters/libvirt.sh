#!/bin/sh
# Plugs, unplugs and pauses a domain of libvirt's for the guest in it, by virsh.
#
#   --on-need 'hotplug-block=adapters/libvirt.sh my-domain'
#   --on-need 'hotplug-net=adapters/libvirt.sh my-domain' --on-need 'pause=adapters/libvirt.sh my-domain'
#
# libvirtd must be able to read VMSPEC_DISK: copy it where it can, if it runs on
# another machine. The domain needs a free port: <controller type='pci'
# model='pcie-root-port'/>.
#
# usage: libvirt.sh DOMAIN [NETWORK], with what the guest needs in VMSPEC_*: vmspec help hotplug
set -eu

[ $# = 1 ] || [ $# = 2 ] || { echo 'usage: libvirt.sh DOMAIN [NETWORK]' >&2; exit 3; }
domain=$1
network=${2:-default}
disk=vdz # no other of the domain's is called so

case $VMSPEC_NEED in
hotplug-block)
	virsh attach-disk "$domain" "$VMSPEC_DISK" "$disk" --targetbus virtio --driver qemu --subdriver raw --live
	;;
unplug-block)
	virsh detach-disk "$domain" "$disk" --live
	;;
hotplug-net)
	virsh attach-interface "$domain" network "$network" --model virtio --mac "$VMSPEC_MAC" --live
	;;
unplug-net)
	virsh detach-interface "$domain" network --mac "$VMSPEC_MAC" --live
	;;
pause)
	trap 'virsh resume "$domain"' EXIT # whatever ends us
	trap 'exit 1' INT TERM
	virsh suspend "$domain"
	sleep 5
	;;
*)
	echo "libvirt.sh does not serve $VMSPEC_NEED" >&2
	exit 3
	;;
esac
