const axios = require('axios');
const http = require('http');
const agent = new http.Agent({
socketPath: '/var/run/fabricks.sock'
});
const api = axios.create({
baseURL: 'http://localhost/v1',
httpAgent: agent
});
async function autoScale() {
// Get service stats
const { data } = await api.get('/services/api-service-a1b2c3/stats');
const cpuUsage = data.data.stats.cpu.percentage;
const currentReplicas = data.data.replicas.running;
if (cpuUsage > 80 && currentReplicas < 10) {
// Scale up
await api.post('/services/api-service-a1b2c3/scale', {
replicas: currentReplicas + 2
});
console.log(`Scaled up to ${currentReplicas + 2} replicas`);
} else if (cpuUsage < 30 && currentReplicas > 2) {
// Scale down
await api.post('/services/api-service-a1b2c3/scale', {
replicas: currentReplicas - 1
});
console.log(`Scaled down to ${currentReplicas - 1} replicas`);
}
}
// Check every 30 seconds
setInterval(autoScale, 30000);
